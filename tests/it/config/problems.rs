//! Bad files and the exact lines they are answered with.

use super::{LEAST, Memory, on, try_load};

/// `text` is refused with exactly these lines; `FILE` stands for the file.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_env(text, &[], expected);
}

#[track_caller]
fn check_env(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let error = try_load(text, variables).expect_err("it loads");
    let problems: Vec<String> = error.problems.iter().map(|line| line.replace(super::FILE, "FILE")).collect();
    assert_eq!(problems, expected);
}

/// The least that loads, and then a broker with these lines.
fn with_broker(lines: &str) -> String {
    format!("{LEAST}[[mqtt]]\nname = \"local\"\n{lines}\n")
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_the_file() {
    let text = r#"[[meter]]
name = "a/b"
sourc = "/dev/ttyUSB0"
line = 5

[store]
path = 3
sync_interval = "10 parsecs"

[[mqtt]]
name = "local"
url = "http://broker"
qos = 4
layouts = ["dsmrd", "dsmrreader"]

[log]
level = "chatty"
"#;
    check(
        text,
        &[
            "FILE:1:1: meter[0].source: it is missing; write source = \"/dev/serial/by-id/usb-FTDI_P1-if00-port0\"",
            "FILE:2:1: meter[0].name: \"a/b\" cannot have '/' in it, since it becomes one level of a topic; \
             write a short word such as \"home\"",
            "FILE:3:1: meter[0].sourc: unknown key; did you mean `source`?",
            "FILE:4:1: meter[0].line: 5 where one word belongs; put it in quotes",
            "FILE:7:1: store.path: 3 where a path belongs; put it in quotes",
            "FILE:8:1: store.sync_interval: \"10 parsecs\" is not a length of time; write a number and its unit in \
             quotes, such as \"500ms\", \"60s\", \"2m\", \"1h\" or \"1d\"",
            "FILE:12:1: mqtt[0].url: unknown scheme \"http\"; there are mqtt and tcp, and mqtts, ssl and tls for TLS",
            "FILE:13:1: mqtt[0].qos: 4 does not fit; write a whole number from 0 to 2",
            "FILE:14:1: mqtt[0].layouts: unknown value \"dsmrreader\"; did you mean \"dsmr-reader\"? \
             It can be dsmrd, dsmr-reader",
            "FILE:17:1: log.level: unknown value \"chatty\"; it can be error, warn, info, debug, trace",
        ],
    );
}

#[test]
fn no_meter_is_answered_with_a_sample() {
    check(
        "",
        &[
            "FILE: there is no [[meter]]; write at least one, for example\n    [[meter]]\n    name = \"home\"\n    \
           source = \"/dev/ttyUSB0\"",
        ],
    );
}

#[test]
fn text_that_is_not_toml_is_answered_with_its_place() {
    let error = try_load("[[meter]]\nname = \"home\nsource = 1\n", &[]).expect_err("it loads");
    assert!(error.problems[0].starts_with("/etc/dsmrd/dsmrd.toml:2:13: this is not TOML: "), "{error}");
    let error = try_load("[log]\nlevel = \"info\"\nlevel = \"debug\"\n", &[]).expect_err("it loads");
    assert_eq!(error.problems, ["/etc/dsmrd/dsmrd.toml:3:1: this is not TOML: duplicate key"]);
}

#[test]
fn tables_of_the_wrong_kind() {
    check(
        "[meter]\nname = \"home\"\nsource = \"-\"\nlien = \"auto\"\n",
        &[
            "FILE:1:2: meter: write the table as [[meter]], since there can be several",
            "FILE:4:1: meter[0].lien: unknown key; did you mean `line`?",
        ],
    );
    check(
        &format!("{LEAST}[[store]]\npath = \"x\"\n"),
        &["FILE:4:3: store: write the table as [store], since there is only one"],
    );
    check(
        &format!("{LEAST}[mqt]\n[webhooks]\n"),
        &[
            "FILE:4:2: mqt: unknown table; did you mean `mqtt`?",
            "FILE:5:2: webhooks: unknown table; there are [[meter]], [meter.share], [store], [backup], [[mqtt]], \
             [prices], [[contract]], [log], [process]",
        ],
    );
    check(
        &format!("{LEAST}\"a\\nb\" = 1\n"),
        &[
            "FILE:4:1: meter[0].\"a\\u000Ab\": unknown key; [[meter]] has name, source, line, max_telegram, silence, \
             country, timezone, key_file, key, auth_key_file, auth_key, allow_unverified_tag, clock_tolerance",
        ],
    );
    check(
        &format!("qos = 1\n{LEAST}"),
        &["FILE:1:1: qos: this key stands outside of its table; it belongs under [[mqtt]]"],
    );
}

#[test]
fn keys_of_other_programs_are_translated() {
    check(
        &with_broker("host = \"x\"\nuser = \"y\"\nretain = true"),
        &[
            "FILE:6:1: mqtt[0].host: unknown key; write it as url = \"mqtt://HOST:PORT\"",
            "FILE:7:1: mqtt[0].user: unknown key; here it is `username`",
            "FILE:8:1: mqtt[0].retain: unknown key; state is always retained",
        ],
    );
}

#[test]
fn names_and_sources_are_taken_once() {
    check(
        &format!("{LEAST}{LEAST}"),
        &[
            "FILE:5:1: meter[1].name: \"home\" is taken already (line 2); each [[meter]] needs its own",
            "FILE:6:1: meter[1].source: \"/dev/ttyUSB0\" is taken already (line 3); each [[meter]] needs its own",
        ],
    );
    let twice = with_broker("[[mqtt]]\nurl = \"mqtt://other\"\nname = \"local\"");
    check(
        &twice,
        &["FILE:8:1: mqtt[1].name: \"local\" is taken already (line 5); each [[mqtt]] needs its own"],
    );
}

#[test]
fn one_port_under_two_names_is_one_source() {
    check(
        &format!(
            "{LEAST}[[meter]]\nname = \"b\"\nsource = \"dev/x\"\n\
             [[meter]]\nname = \"c\"\nsource = \"/etc/dsmrd/dev/x\"\n"
        ),
        &[
            "FILE:9:1: meter[2].source: \"/etc/dsmrd/dev/x\" is taken already (line 6); each [[meter]] needs its own",
        ],
    );
    let house = |name: &str| format!("[[meter]]\nname = \"{name}\"\nsource = \"simulate:\"\n");
    let settings = try_load(&(house("a") + &house("b")), &[]).expect("it loads").settings;
    assert_eq!(settings.meters.len(), 2);
}

#[test]
fn one_client_of_a_server_has_one_name() {
    let text = with_broker(
        "client_id = \"me\"\n[[mqtt]]\nname = \"again\"\nurl = \"tcp://LOCALHOST:1883\"\nclient_id = \"me\"",
    );
    check(
        &text,
        &[
            "FILE:10:1: mqtt[1].client_id: \"me\" is the client of \"local\" on the same server already; each needs its own",
        ],
    );
}

#[test]
fn impossible_prefixes_and_topics() {
    for (prefix, why) in [
        ("", "the prefix is empty; write at least one level, such as \"dsmrd\""),
        ("a/+/b", "the prefix has the wildcard '+', which no topic to publish to may have; leave it out"),
        (
            "homeassistant",
            "Home Assistant's own topics begin with homeassistant; choose another prefix, such as dsmrd",
        ),
        ("a/#", "the prefix has the wildcard '#', which no topic to publish to may have; leave it out"),
        ("{name}", "\"{name}\" cannot have braces in it; write levels such as \"house/energy\""),
    ] {
        let line = format!("FILE:6:1: mqtt[0].prefix: {why}");
        check(&with_broker(&format!("prefix = \"{prefix}\"")), &[&line]);
    }
    for (topic, why) in [
        ("", "is empty"),
        ("a/+/b", "has '+' in it, which no topic can have"),
        ("$SYS", "begins with $, which brokers keep for themselves"),
        ("a//b", "has an empty level"),
        ("a/", "has an empty level"),
    ] {
        let line = format!(
            "FILE:6:1: mqtt[0].status_topic: \"{topic}\" {why}; write a topic such as \"dsmrd/status\""
        );
        check(&with_broker(&format!("status_topic = \"{topic}\"")), &[&line]);
    }
    for key in ["prefix", "status_topic"] {
        let text = with_broker(&format!("{key} = \"{}\"", "x".repeat(65_536)));
        let error = try_load(&text, &[]).expect_err("it loads").to_string();
        assert!(error.contains("65536 bytes") && error.len() < 300, "{} bytes", error.len());
    }
    let long = with_broker(&format!(
        "prefix = \"{}\"\nstatus_topic = \"{{prefix}}/{{prefix}}\"",
        "x".repeat(40_000)
    ));
    assert_eq!(try_load(&long, &[]).expect_err("it loads").problems.len(), 1, "too long once it is expanded");
    check(
        &with_broker("status_topic = \"clients/{host}\""),
        &["FILE:6:1: mqtt[0].status_topic: \"clients/{host}\" has an unknown placeholder; \
           there are {prefix}, {hostname}, {name}"],
    );
}

#[test]
fn the_status_topic_is_nobody_elses() {
    check(
        &with_broker("prefix = \"a/b\"\nstatus_topic = \"{prefix}/home/status\""),
        &[
            "FILE:7:1: mqtt[0].status_topic: \"a/b/home/status\" lies among the topics of the meter \"home\"; \
           write one outside of them",
        ],
    );
    let loaded = try_load(&with_broker("prefix = \"dsmr\""), &[]).expect("it loads");
    assert!(
        loaded.warnings[0].contains("Home Assistant takes everything under dsmr/"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn passwords_and_their_files() {
    check(
        &with_broker("username = \"me\"\npassword = \"x\"\npassword_file = \"mqtt.password\""),
        &["FILE:7:1: mqtt[0].password: password_file is set as well; keep one of the two"],
    );
    check(
        &with_broker("username = \"me\"\npassword_file = \"none\""),
        &["FILE:7:1: mqtt[0].password_file: cannot read /etc/dsmrd/none: no such file or directory; \
           write the password into it"],
    );
    check(
        &with_broker("password = \"x\""),
        &["FILE:6:1: mqtt[0].password: MQTT knows no password without a user name; write username as well"],
    );
    check(
        &with_broker("username = \"me\"\npassword_file = \"credential:mqtt\""),
        &[
            "FILE:7:1: mqtt[0].password_file: systemd gave no credentials (CREDENTIALS_DIRECTORY is not set); \
           add LoadCredential= to the unit, or name a file",
        ],
    );
    let empty = Memory::with(&[("/etc/dsmrd/empty", "\n")]);
    let error =
        on(&with_broker("username = \"me\"\npassword_file = \"empty\""), &[], &empty).expect_err("it loads");
    assert!(error.problems[0].contains("/etc/dsmrd/empty is empty or too long"), "{error}");
}

#[test]
fn files_of_tls() {
    check(
        &with_broker("url = \"mqtts://x\"\nca_file = \"none.pem\"\ncert_file = \"client.pem\""),
        &[
            "FILE:7:1: mqtt[0].ca_file: cannot read /etc/dsmrd/none.pem: no such file or directory; \
             name a PEM file that is there",
            "FILE:8:1: mqtt[0].cert_file: key_file is missing; write both or neither",
        ],
    );
    check(
        &with_broker("ca_file = \"ca.pem\""),
        &[
            "FILE:6:1: mqtt[0].ca_file: the connection has no TLS; write mqtts:// in the url, or leave this key out",
        ],
    );
    check(
        &with_broker("url = \"mqtts://x\"\ntls = false"),
        &[
            "FILE:7:1: mqtt[0].tls: the url says TLS and this says none; leave this key out, or write mqtt:// in the url",
        ],
    );
    check(
        &with_broker("url = \"mqtts://x\"\ncert_file = \"client.key\"\nkey_file = \"locked.key\""),
        &[
            "FILE:7:1: mqtt[0].cert_file: /etc/dsmrd/client.key has no certificate; name a PEM file that has one",
            "FILE:8:1: mqtt[0].key_file: cannot read /etc/dsmrd/locked.key: no such file or directory; \
             name a PEM file that is there",
        ],
    );
    let locked = Memory::with(&[
        ("/etc/dsmrd/client.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("/etc/dsmrd/locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
    ]);
    let text = with_broker("url = \"mqtts://x\"\ncert_file = \"client.pem\"\nkey_file = \"locked.key\"");
    let error = on(&text, &[], &locked).expect_err("it loads");
    assert!(error.problems[0].contains("the key in /etc/dsmrd/locked.key has a passphrase"), "{error}");
}

#[test]
fn urls_and_sources() {
    const RIGHT: &str = "write mqtt://host:port, or mqtts://host:port for TLS";
    for (url, why) in [
        ("localhost", "\"localhost\" has no scheme"),
        ("mqtt://", "\"mqtt://\" has no host"),
        ("mqtt://::1", "\"mqtt://::1\" has an IPv6 address without brackets"),
        ("mqtt://[::1", "\"mqtt://[::1\" has no closing bracket"),
        ("mqtt://x:0", "\"mqtt://x:0\" has a port that is no number from 1 to 65535"),
        ("mqtt://x:65536", "\"mqtt://x:65536\" has a port that is no number from 1 to 65535"),
        ("mqtt://x/path", "\"mqtt://x/path\" has a host that is no name and no address"),
    ] {
        check(
            &with_broker(&format!("url = \"{url}\"")),
            &[&format!("FILE:6:1: mqtt[0].url: {why}; {RIGHT}")],
        );
    }
    check(
        &LEAST.replace("/dev/ttyUSB0", "/srv/recording.txt"),
        &[
            "FILE:3:1: meter[0].source: /srv/recording.txt is a file and no port; write file:///srv/recording.txt for a \
           recording",
        ],
    );
    const SOURCES: &str =
        "write a serial port such as /dev/ttyUSB0, tcp://host:port, file:///path, - or simulate:";
    for (source, line) in [
        ("http://x", format!("unknown scheme \"http\"; {SOURCES}")),
        ("tcp://x", "\"tcp://x\" has no port; write tcp://host:port".to_owned()),
        ("simulate:x", "\"simulate:x\" has no number behind it; write simulate:7, or simulate:".to_owned()),
        ("file://x", "\"file://x\" names a host; write file:///path, with three slashes".to_owned()),
        (
            "file:///none",
            "cannot read /none: no such file or directory; name a recording that is there".to_owned(),
        ),
    ] {
        let text = LEAST.replace("/dev/ttyUSB0", source);
        check(&text, &[&format!("FILE:3:1: meter[0].source: {line}")]);
    }
}

#[test]
fn the_environment_is_answered_by_the_names_of_its_variables() {
    check_env(
        LEAST,
        &[
            ("DSMRD_LOG_LEVLE", "info"),
            ("DSMRD_METER_0_SILENCE", "soon"),
            ("DSMRD_MQTT_1_URL", "mqtt://x"),
            ("DSMRD_STORE_SYNC_INTERVAL", "2h"),
        ],
        &[
            "DSMRD_LOG_LEVLE: unknown key; did you mean DSMRD_LOG_LEVEL?",
            "DSMRD_METER_0_SILENCE: meter[0].silence: \"soon\" is not a length of time; write a number and its unit \
             in quotes, such as \"500ms\", \"60s\", \"2m\", \"1h\" or \"1d\"",
            "DSMRD_MQTT_1_URL: the tables [[mqtt]] are counted from 0 and the next is DSMRD_MQTT_0_URL",
            "DSMRD_STORE_SYNC_INTERVAL: store.sync_interval: \"2h\" is out of range; it can be from 0s to 1h",
        ],
    );
}

#[test]
fn values_that_do_not_go_together() {
    check(
        &with_broker("status_online = \"x\"\nstatus_offline = \"x\"\nkeepalive = \"1500ms\""),
        &[
            "FILE:7:1: mqtt[0].status_offline: it says the same as status_online; write two words that differ",
            "FILE:8:1: mqtt[0].keepalive: MQTT counts it in whole seconds; write one such as \"30s\"",
        ],
    );
    check(
        &with_broker("layouts = [\"dsmr-reader\"]\ndsmr_reader_meter = \"barn\""),
        &["FILE:7:1: mqtt[0].dsmr_reader_meter: there is no meter \"barn\"; there is home"],
    );
    check(
        &with_broker("layouts = []"),
        &["FILE:6:1: mqtt[0].layouts: the list is empty; it can have dsmrd, dsmr-reader"],
    );
    check(
        &with_broker("enabled = \"false\"\npassword = 1234\nusername = \"me\""),
        &[
            "FILE:6:1: mqtt[0].enabled: \"false\" is text; write false without quotes",
            "FILE:7:1: mqtt[0].password: it is not text; put the password in quotes",
        ],
    );
}
