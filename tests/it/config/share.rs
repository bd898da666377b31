//! Shares: a table within a table, ports that are taken, reloads.

use std::path::Path;

use dsmrd::config::{Origin, diff, sample};
use dsmrd::source::{ShareEncrypted, ShareSettings};

use super::meter::check;
use super::{FILE, LEAST, load, try_load};

fn share(text: &str) -> Option<ShareSettings> {
    load(text).settings.meters[0].share.clone()
}

#[test]
fn a_share_is_a_table_of_its_meter() {
    let two = format!(
        "{LEAST}[meter.share]\nlisten = \"0.0.0.0:2323\"\n\n[[meter]]\nname = \"barn\"\nsource = \"tcp://barn:2001\"\n\
         key_file = \"meter.key\"\n[meter.share]\nlisten = \"tcp://[::1]:2324\"\nencrypted = \"untouched\"\n"
    );
    let loaded = load(&two);
    let shares: Vec<_> = loaded.settings.meters.iter().map(|meter| meter.share.clone()).collect();
    assert_eq!(
        shares,
        [
            Some(ShareSettings { listen: "0.0.0.0:2323".to_owned(), encrypted: ShareEncrypted::Decrypted }),
            Some(ShareSettings { listen: "[::1]:2324".to_owned(), encrypted: ShareEncrypted::Untouched }),
        ]
    );
    assert_eq!(loaded.warnings, [""; 0]);
    let row = loaded.resolved.iter().find(|row| row.key.path(row.index) == "meter[1].share.listen");
    assert_eq!(row.map(|row| &row.origin), Some(&Origin::File { line: 12, column: 1 }));
    let shown = sample::show(&loaded, Path::new(FILE), false);
    assert_eq!(load(&shown).settings, loaded.settings, "{shown}");
    let headers: Vec<&str> = shown.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(
        headers,
        [
            "[[meter]]",
            "[meter.share]",
            "[[meter]]",
            "[meter.share]",
            "[store]",
            "[backup]",
            "[prices]",
            "[log]",
            "[process]"
        ]
    );
    let inline = share(&format!("{LEAST}share = {{ listen = \"127.0.0.1:1\" }}\n"));
    assert_eq!(inline.map(|share| share.listen), Some("127.0.0.1:1".to_owned()));
    assert_eq!(share(LEAST), None);
    assert!(!sample::show(&load(LEAST), Path::new(FILE), true).contains("share"));
    let env = [("DSMRD_METER_0_SHARE_LISTEN", "[::]:1"), ("DSMRD_METER_0_SHARE_ENCRYPTED", "decrypted")];
    let by_env = try_load(LEAST, &env).expect("it loads").settings.meters[0].share.clone();
    assert_eq!(by_env.map(|share| share.listen), Some("[::]:1".to_owned()));
}

#[test]
fn shares_that_are_wrong() {
    const RIGHT: &str = "write an address with its port, such as \"0.0.0.0:2323\" or \"[::]:2323\"";
    for (listen, why) in [
        ("\"2323\"", "\"2323\" is a port alone"),
        ("\":2323\"", "\":2323\" has no host"),
        ("\"localhost\"", "\"localhost\" has no port"),
        ("\"::1:2323\"", "\"::1:2323\" has an IPv6 address without brackets"),
        ("\"x:0\"", "\"x:0\" has a port that is no number from 1 to 65535"),
        ("\"\"", "\"\" has no host"),
    ] {
        let line = format!("FILE:5:1: meter[0].share.listen: {why}; {RIGHT}");
        check(&format!("[meter.share]\nlisten = {listen}"), &[&line]);
    }
    check(
        "[meter.share]\nlisten = 2323\nlisen = 1\nencrypted = \"both\"",
        &[
            "FILE:5:1: meter[0].share.listen: a port alone; write the address too, such as \"0.0.0.0:2323\"",
            "FILE:6:1: meter[0].share.lisen: unknown key; did you mean `listen`?",
            "FILE:7:1: meter[0].share.encrypted: unknown value \"both\"; it can be decrypted, untouched",
        ],
    );
    check(
        "[meter.share]\nport = 1\nline = \"auto\"",
        &[
            "FILE:5:1: meter[0].share.port: unknown key; write it as listen = \"0.0.0.0:PORT\"",
            "FILE:6:1: meter[0].share.line: it belongs under [[meter]], not under [meter.share]",
        ],
    );
    check(
        "listen = \"0.0.0.0:1\"",
        &["FILE:4:1: meter[0].listen: it belongs under [meter.share], not under [[meter]]"],
    );
    check(
        "[[meter.share]]\nlisten = \"0.0.0.0:1\"",
        &["FILE:4:9: meter[0].share: write the table as [meter.share], since there is only one"],
    );
    check(
        "[share]\nlisten = \"0.0.0.0:1\"",
        &["FILE:4:2: share: write the table as [meter.share], below the [[meter]] that it belongs to"],
    );
    let error = try_load("[meter.share]\nlisten = \"0.0.0.0:1\"\n", &[]).expect_err("it loads");
    assert!(
        error.problems[1]
            .contains(":1:2: meter: [meter.share] stands before the [[meter]] that it belongs to"),
        "{error}"
    );
    let error =
        try_load(LEAST, &[("DSMRD_METER_1_SHARE_LISTEN", "x:1"), ("DSMRD_METER_0_SHARE_LISTN", "x:1")])
            .expect_err("it loads");
    assert_eq!(
        error.problems,
        [
            "DSMRD_METER_0_SHARE_LISTN: unknown key; did you mean DSMRD_METER_0_SHARE_LISTEN?",
            "DSMRD_METER_1_SHARE_LISTEN: the tables [[meter]] are counted from 0 and the next is DSMRD_METER_1_NAME",
        ]
    );
}

#[test]
fn ports_are_taken_once() {
    let two = |first: &str, second: &str| {
        format!(
            "{LEAST}[meter.share]\nlisten = \"{first}\"\n[[meter]]\nname = \"b\"\nsource = \"simulate:\"\n\
             [meter.share]\nlisten = \"{second}\"\n"
        )
    };
    for (first, second) in [
        ("0.0.0.0:2323", "0.0.0.0:2323"),
        ("0.0.0.0:2323", "192.168.1.2:2323"),
        ("127.0.0.1:2323", "[::]:2323"),
        ("Attic:2323", "attic:2323"),
    ] {
        let error = try_load(&two(first, second), &[]).expect_err("it loads");
        let line = format!(
            "/etc/dsmrd/dsmrd.toml:10:1: meter[1].share.listen: {second} is taken already (line 5); \
             each share needs a port of its own"
        );
        assert_eq!(error.problems, [line]);
    }
    for (first, second) in [("0.0.0.0:2323", "0.0.0.0:2324"), ("127.0.0.1:2323", "192.168.1.2:2323")] {
        try_load(&two(first, second), &[]).expect("it loads");
    }
    let looped = |source: &str, listen: &str| {
        let text = LEAST.replace("/dev/ttyUSB0", source);
        try_load(&format!("{text}[meter.share]\nlisten = \"{listen}\"\n"), &[])
    };
    for (source, listen) in [
        ("tcp://127.0.0.1:2323", "0.0.0.0:2323"),
        ("tcp://localhost:2323", "[::]:2323"),
        ("tcp://attic:2323", "0.0.0.0:2323"),
        ("tcp://[::1]:2323", "localhost:2323"),
        ("tcp://192.168.1.2:2323", "192.168.1.2:2323"),
    ] {
        let error = looped(source, listen).expect_err("it loads");
        assert!(error.problems[0].contains("is where the meter's own telegrams come from"), "{error}");
    }
    for (source, listen) in
        [("tcp://ser2net.lan:2323", "0.0.0.0:2323"), ("tcp://127.0.0.1:2001", "0.0.0.0:2323")]
    {
        looped(source, listen).expect("it loads");
    }
}

#[test]
fn a_share_that_changes_leaves_the_port_alone_and_the_other_way_round() {
    let with = |lines: &str| load(&format!("{LEAST}{lines}")).settings;
    let old = with("[meter.share]\nlisten = \"0.0.0.0:2323\"\n");
    let moved = diff(&old, &with("[meter.share]\nlisten = \"0.0.0.0:2324\"\n"));
    assert!(moved.meters.is_empty());
    assert_eq!(moved.shares.changed, ["home"]);
    let gone = diff(&old, &with(""));
    assert!(gone.meters.is_empty());
    assert_eq!((gone.shares.removed, gone.shares.changed), (vec!["home".to_owned()], vec![]));
    let come = diff(&with(""), &old);
    assert!(come.meters.is_empty() && !come.is_empty());
    assert_eq!(come.shares.added, ["home"]);
    let keyed = diff(&old, &with("key_file = \"meter.key\"\n[meter.share]\nlisten = \"0.0.0.0:2323\"\n"));
    assert!(keyed.shares.is_empty());
    assert_eq!(keyed.meters.changed, ["home"]);
    let renamed =
        load(&format!("{LEAST}[meter.share]\nlisten = \"0.0.0.0:2323\"\n").replace("home", "house"));
    let renamed = diff(&old, &renamed.settings);
    assert_eq!(
        (renamed.shares.removed, renamed.shares.added),
        (vec!["home".to_owned()], vec!["house".to_owned()])
    );
}
