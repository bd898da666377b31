//! Good files: defaults, the environment, secrets, files on the disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dsmrd::config::{LogFormat, Origin, diff, sample};
use dsmrd::mqtt::TlsSettings;
use dsmrd::publish::{Discovery, LayoutSettings, PayloadFormat};
use dsmrd::source::{Line, SourceUrl};

use super::{FILE, LEAST, Memory, example_files, load, on, try_load};

#[test]
fn the_least_file_has_every_default() {
    let settings = load(LEAST).settings;
    assert_eq!(settings.mqtt, [], "nothing is published unless asked for");
    assert_eq!(settings.meters.len(), 1);
    let source = &settings.meters[0].source;
    assert_eq!(source.url, SourceUrl::Serial("/dev/ttyUSB0".into()));
    assert_eq!((source.line, source.max_telegram), (Line::Auto, 8192));
    assert_eq!((source.silence, source.zone_name()), (Duration::from_secs(20), "Europe/Amsterdam"));
    assert_eq!(settings.store.path, Path::new("/var/lib/dsmrd/dsmrd.sqlite"));
    assert_eq!(settings.store.sync_interval, Duration::from_secs(240));
    assert_eq!((settings.log.level, settings.log.format), (tracing::Level::INFO, LogFormat::Text));
    assert_eq!(settings.watchdog, Duration::from_secs(60));
}

#[test]
fn a_broker_with_a_name_alone_has_every_default() {
    let broker = &load(&format!("{LEAST}[[mqtt]]\nname = \"local\"\n")).settings.mqtt[0];
    assert_eq!((broker.host.as_str(), broker.port, &broker.tls), ("localhost", 1883, &None));
    assert_eq!((broker.enabled, broker.qos, broker.rate), (true, 1, 1000));
    assert_eq!((broker.keepalive, broker.cache), (Duration::from_secs(30), Duration::from_secs(3600)));
    assert_eq!((&broker.username, &broker.password), (&None, &None));
    assert_eq!(
        broker.layouts,
        [LayoutSettings::Native {
            prefix: "dsmrd".to_owned(),
            payload: PayloadFormat::Value,
            discovery: Discovery {
                enabled: true,
                prefix: "homeassistant".to_owned(),
                node: "dsmrd_a6cdf24ad737".to_owned(),
                status_topic: "dsmrd/status".to_owned(),
                status_online: "online".to_owned(),
                status_offline: "offline".to_owned(),
                meters: vec!["home".to_owned()],
            }
        }]
    );
    assert_eq!(broker.status_topic, "dsmrd/status");
    assert_eq!((broker.status_online.as_str(), broker.status_offline.as_str()), ("online", "offline"));
}

#[test]
fn the_form_of_the_file_that_was_promised() {
    let text = r#"
[[meter]]
name = "home"
source = "/dev/serial/by-id/usb-FTDI_P1-if00-port0"   # or tcp://host:port, file:///path, simulate:
line = "auto"

[store]
path = "/var/lib/dsmrd/dsmrd.sqlite"
sync_interval = "60s"            # what a power cut can cost; the journal lies beside the database

[[mqtt]]
name = "local"
url = "mqtt://localhost:1883"
username = "meter"
password_file = "/etc/dsmrd/mqtt.password"
layouts = ["dsmrd", "dsmr-reader"]
qos = 1
cache = "1h"

[log]
level = "info"
format = "text"
"#;
    let loaded = load(text);
    assert_eq!(
        loaded.warnings,
        [
            "/etc/dsmrd/dsmrd.toml:16:1: mqtt[0].layouts: Home Assistant finds what the layout dsmrd has by itself, so \
             with its integration of DSMR-reader it has every value twice; write discovery = false, or discovery = true \
             to have both"
        ]
    );
    let broker = &loaded.settings.mqtt[0];
    assert_eq!(
        broker.password.as_ref().map(|secret| secret.expose()),
        Some("canary-file"),
        "without the line end"
    );
    assert_eq!(
        broker.layouts[1],
        LayoutSettings::DsmrReader {
            meter: "home".to_owned(),
            timezone: "Europe/Amsterdam".to_owned(),
            prefix: "dsmr".into(),
            mapping: Vec::new()
        }
    );
}

#[test]
fn the_port_follows_tls() {
    for (lines, port, tls) in [
        ("url = \"mqtt://x\"", 1883, false),
        ("url = \"tcp://x\"", 1883, false),
        ("url = \"mqtts://x\"", 8883, true),
        ("url = \"ssl://x/\"", 8883, true),
        ("url = \"tls://x:1\"", 1, true),
        ("tls = true", 8883, true),
        ("tls = true\nurl = \"mqtt://x:1\"", 1, true),
        ("tls = false", 1883, false),
    ] {
        let broker = &load(&format!("{LEAST}[[mqtt]]\nname = \"b\"\n{lines}\n")).settings.mqtt[0];
        assert_eq!((broker.port, broker.tls.is_some()), (port, tls), "{lines}");
    }
    let loaded = load(&format!("{LEAST}[[mqtt]]\nname = \"b\"\ntls = true\n"));
    assert!(sample::show(&loaded, Path::new(FILE), false).contains("url = \"mqtts://localhost:8883\"\n"));
}

#[test]
fn files_of_tls_are_found() {
    let lines =
        "url = \"mqtts://x\"\nca_file = \"ca.pem\"\ncert_file = \"client.pem\"\nkey_file = \"client.key\"";
    let broker = &load(&format!("{LEAST}[[mqtt]]\nname = \"b\"\n{lines}\n")).settings.mqtt[0];
    let at = |name: &str| PathBuf::from("/etc/dsmrd").join(name);
    let client = Some((at("client.pem"), at("client.key")));
    assert_eq!(broker.tls, Some(TlsSettings { ca_file: Some(at("ca.pem")), client }));
}

#[test]
fn sources_of_every_kind() {
    let tcp = |host: &str, port| SourceUrl::Tcp { host: host.to_owned(), port };
    for (source, url) in [
        ("/dev/ttyUSB0", SourceUrl::Serial("/dev/ttyUSB0".into())),
        ("pty/meter", SourceUrl::Serial("/etc/dsmrd/pty/meter".into())),
        ("tcp://192.168.1.20:2001", tcp("192.168.1.20", 2001)),
        ("tcp://ser2net.lan:23/", tcp("ser2net.lan", 23)),
        ("tcp://[fe80::1%eth0]:2001", tcp("fe80::1%eth0", 2001)),
        ("file:///srv/recording.txt", SourceUrl::File("/srv/recording.txt".into())),
        ("file:../../srv/recording.txt", SourceUrl::File("/etc/dsmrd/../../srv/recording.txt".into())),
        ("-", SourceUrl::Stdin),
        ("simulate:", SourceUrl::Simulate { seed: 1 }),
        ("simulate:42", SourceUrl::Simulate { seed: 42 }),
    ] {
        let text = LEAST.replace("/dev/ttyUSB0", source);
        let mut files = example_files();
        files.files.insert("/etc/dsmrd/../../srv/recording.txt".into(), Vec::new());
        let loaded = on(&text, &[], &files).expect("it loads");
        assert_eq!(loaded.settings.meters[0].source.url, url, "{source}");
    }
}

#[test]
fn the_environment_wins_and_says_so() {
    let text = format!("{LEAST}[[mqtt]]\nname = \"local\"\nurl = \"mqtt://file\"\n");
    let variables = [
        ("DSMRD_MQTT_0_URL", "mqtt://environment"),
        ("DSMRD_MQTT_0_LAYOUTS", "dsmrd, dsmr-reader"),
        ("DSMRD_MQTT_0_ENABLED", "false"),
        ("DSMRD_MQTT_0_DISCOVERY", "false"),
        ("DSMRD_MQTT_0_QOS", "2"),
        ("DSMRD_STORE_PATH", "db.sqlite"),
        ("DSMRD_STORE_SYNC_INTERVAL", ""),
        ("DSMRD_CONFIG", "/elsewhere"),
        ("UNRELATED", "x"),
    ];
    let loaded = try_load(&text, &variables).expect("it loads");
    let broker = &loaded.settings.mqtt[0];
    assert_eq!(
        (broker.host.as_str(), broker.enabled, broker.qos, broker.layouts.len()),
        ("environment", false, 2, 2)
    );
    assert_eq!(loaded.settings.store.path, Path::new("/etc/dsmrd/db.sqlite"));
    assert_eq!(loaded.settings.store.sync_interval, Duration::from_secs(240), "an empty variable is not set");
    assert_eq!(loaded.warnings, [""; 0]);
    let shown = sample::show(&loaded, Path::new(FILE), true);
    assert!(shown.contains("# DSMRD_MQTT_0_URL\n"), "{shown}");
    let name =
        loaded.resolved.iter().find(|row| row.key.path(row.index) == "mqtt[0].name").expect("it has a name");
    assert_eq!(name.origin, Origin::File { line: 5, column: 1 });
}

#[test]
fn the_environment_alone_will_do() {
    let variables = [
        ("DSMRD_METER_1_NAME", "barn"),
        ("DSMRD_METER_1_SOURCE", "tcp://barn:2001"),
        ("DSMRD_METER_0_NAME", "home"),
        ("DSMRD_METER_0_SOURCE", "simulate:"),
        ("DSMRD_MQTT_0_NAME", "local"),
    ];
    let settings = try_load("", &variables).expect("it loads").settings;
    let names: Vec<&str> = settings.meters.iter().map(|meter| meter.name.as_str()).collect();
    assert_eq!((names, settings.mqtt.len()), (vec!["home", "barn"], 1));
}

#[test]
fn a_variable_of_nobody_is_told_and_ignored() {
    let loaded = try_load(LEAST, &[("DSMRD_PORT", "tcp://10.0.0.1:80"), ("DSMRD_METER_SOURCE", "-")])
        .expect("it loads");
    assert_eq!(
        loaded.warnings,
        [
            "DSMRD_METER_SOURCE: no key has this variable, so it is ignored; did you mean DSMRD_METER_0_SOURCE?",
            "DSMRD_PORT: no key has this variable, so it is ignored",
        ]
    );
}

#[test]
fn the_status_topic_knows_the_machine() {
    let with = |lines: &str| {
        load(&format!("{LEAST}[[mqtt]]\nname = \"b\"\n{lines}\n")).settings.mqtt[0].status_topic.clone()
    };
    assert_eq!(with("status_topic = \"clients/{name}/{hostname}\""), "clients/b/attic");
    assert_eq!(with("prefix = \"a/b/\""), "a/b/status");
    assert_eq!(with("status_topic = \"{hostname}\"\n[process]\nhostname = \"a+b.c.d\""), "a_b");
}

#[test]
fn client_ids_are_stable_and_unlike_those_of_other_machines() {
    use dsmrd::config::{Facts, resolve};
    let text = format!("{LEAST}[[mqtt]]\nname = \"a\"\n[[mqtt]]\nname = \"b\"\nurl = \"mqtt://other\"\n");
    let ids = |machine: &str, hostname: &str| {
        let files = Memory::default();
        let facts = Facts { hostname: hostname.to_owned(), machine_id: machine.to_owned(), files: &files };
        let settings = resolve(&text, Path::new(FILE), &[], &facts).expect("it loads").settings;
        settings.mqtt.iter().map(|broker| broker.client_id.clone()).collect::<Vec<_>>()
    };
    let here = ids("f3a9c1d2e4b5", "attic");
    assert_eq!(here, ids("f3a9c1d2e4b5\n", "renamed"), "a new host name is no new machine");
    assert_ne!(here[0], here[1]);
    assert_ne!(here[0], ids("f3a9c1d2e4b6", "attic")[0]);
    assert_ne!(ids("", "attic")[0], ids("", "barn")[0], "without an identity the host name counts");
    assert!(
        here.iter().all(|id| id.len() == 18 && id.starts_with("dsmrd-") && !id.contains("f3a9")),
        "{here:?}"
    );
}

#[test]
fn secrets_show_themselves_nowhere() {
    let canary = "canary-1f0e";
    let text = format!("{LEAST}[[mqtt]]\nname = \"b\"\nusername = \"me\"\npassword = \"{canary}\"\n");
    let loaded = load(&text);
    let shown = sample::show(&loaded, Path::new(FILE), true);
    assert!(shown.contains("# password = \"***\""), "{shown}");
    let file = format!("{LEAST}[[mqtt]]\nname = \"b\"\nusername = \"me\"\npassword_file = \"secret\"\n");
    let files = Memory::with(&[("/etc/dsmrd/secret", canary)]);
    let from_file = on(&file, &[], &files).expect("it loads");
    assert_eq!(from_file.settings.mqtt[0].password, loaded.settings.mqtt[0].password);
    // Wrong in every way a secret can be near a mistake.
    let broken = [
        text.replace("username = \"me\"", "qos = 9"),
        text.replace("password = ", "password_file = \"secret\"\npassword = "),
        text.replace(&format!("\"{canary}\""), &format!("[\"{canary}\"]")),
        format!("{LEAST}[[mqtt]]\nname = \"b\"\nurl = \"mqtt://me:{canary}@host\"\n"),
        format!("{LEAST}[[mqtt]]\nname = \"b\"\nurl = \"me:{canary}@host\"\n"),
        text.replace(&format!("\"{canary}\""), &format!("\"{canary}")),
        text.replace(&format!("\"{canary}\""), canary),
        text.replace("password =", "passwrod ="),
        text.replace("password =", "password"),
    ];
    let mut said = vec![shown, format!("{loaded:?}"), format!("{from_file:?}")];
    for text in &broken {
        let error = on(text, &[], &files).expect_err("it loads");
        said.extend([error.to_string(), format!("{error:?}")]);
    }
    let env =
        [("DSMRD_MQTT_0_PASSWORD", canary), ("DSMRD_MQTT_0_USERNAME", "me"), ("DSMRD_MQTT_0_NAME", "b")];
    let from_env = try_load(LEAST, &env).expect("it loads");
    assert_eq!(from_env.settings.mqtt[0].password, loaded.settings.mqtt[0].password);
    said.push(format!("{from_env:?}{}", sample::show(&from_env, Path::new(FILE), true)));
    for text in said {
        assert!(!text.contains(canary), "{text}");
    }
}

#[test]
fn what_everyone_can_read_is_warned_of() {
    let inline = format!("{LEAST}[[mqtt]]\nname = \"b\"\nusername = \"me\"\npassword = \"x\"\n");
    let mut files = Memory { open: vec![FILE.into(), "/etc/dsmrd/mqtt.password".into()], ..example_files() };
    let warnings = on(&inline, &[], &files).expect("it loads").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("/etc/dsmrd/dsmrd.toml:7:1: mqtt[0].password: every user"),
        "{warnings:?}"
    );
    let file = inline.replace("password = \"x\"", "password_file = \"mqtt.password\"");
    let warnings = on(&file, &[], &files).expect("it loads").warnings;
    assert!(warnings[0].contains("can read /etc/dsmrd/mqtt.password; chmod o-r it"), "{warnings:?}");
    files.open.clear();
    assert_eq!(on(&file, &[], &files).expect("it loads").warnings, [""; 0]);
}

#[test]
fn credentials_of_systemd() {
    let text =
        format!("{LEAST}[[mqtt]]\nname = \"b\"\nusername = \"me\"\npassword_file = \"credential:mqtt\"\n");
    let files = Memory::with(&[("/run/credentials/dsmrd/mqtt", "s3cret")]);
    let env = [("CREDENTIALS_DIRECTORY", "/run/credentials/dsmrd")];
    let loaded = on(&text, &env, &files).expect("it loads");
    assert_eq!(loaded.settings.mqtt[0].password.as_ref().map(|secret| secret.expose()), Some("s3cret"));
    assert!(sample::show(&loaded, Path::new(FILE), false).contains("password_file = \"credential:mqtt\"\n"));
}

#[test]
fn what_is_shown_loads_again_to_the_same() {
    let text = format!(
        "{LEAST}[[meter]]\nname = \"the \\\"barn\\\"\"\nsource = \"tcp://[::1]:2001\"\nsilence = \"1h30m\"\n\
         [[mqtt]]\nname = \"b\"\nurl = \"ssl://x\"\nusername = \"me\"\npassword_file = \"mqtt.password\"\n\
         status_topic = \"x/{{hostname}}\"\ncache = 90\nlayouts = [\"dsmr-reader\"]\n"
    );
    let loaded = load(&text);
    for origin in [false, true] {
        let again = load(&sample::show(&loaded, Path::new(FILE), origin));
        assert_eq!(again.settings, loaded.settings);
    }
}

#[test]
fn a_line_setting_without_a_line_is_warned_of() {
    let text = format!("{}line = \"9600 7E1\"\n", LEAST.replace("/dev/ttyUSB0", "tcp://x:1"));
    assert_eq!(
        load(&text).warnings,
        ["/etc/dsmrd/dsmrd.toml:4:1: meter[0].line: only a serial port has a line setting; it is ignored"]
    );
}

#[test]
fn a_reload_touches_only_what_changed() {
    let base = format!("{LEAST}[[mqtt]]\nname = \"a\"\n[[mqtt]]\nname = \"b\"\nurl = \"mqtt://other\"\n");
    let old = load(&base).settings;
    assert!(diff(&old, &load(&base).settings).is_empty());
    let changes = diff(&old, &load(&base.replace("mqtt://other", "mqtt://third")).settings);
    assert_eq!(changes.brokers.changed, ["b"]);
    assert!(changes.meters.is_empty() && !changes.store && !changes.log && !changes.watchdog);
    let text = base.replace("name = \"a\"", "name = \"c\"").replace("ttyUSB0", "ttyUSB1")
        + "[log]\nlevel = \"debug\"\n";
    let changes = diff(&old, &load(&text).settings);
    assert_eq!(
        (changes.brokers.added, changes.brokers.removed),
        (vec!["c".to_owned()], vec!["a".to_owned()])
    );
    assert_eq!((changes.meters.changed, changes.log, changes.store), (vec!["home".to_owned()], true, false));
}

#[test]
fn syncs_that_wear_the_card_are_told() {
    let warnings =
        |interval: &str| load(&format!("{LEAST}[store]\nsync_interval = \"{interval}\"\n")).warnings;
    for interval in ["60s", "4m", "1h"] {
        assert_eq!(warnings(interval), [""; 0], "{interval}");
    }
    // Someone meant minutes.
    for interval in ["4", "1s", "0s", "59s"] {
        assert!(
            warnings(interval)[0].contains("store.sync_interval: each sync wears the card"),
            "{interval}"
        );
    }
}
