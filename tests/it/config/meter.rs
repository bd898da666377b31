//! Meters: countries, keys, clocks.

use std::path::Path;
use std::time::Duration;

use dsmrd::config::sample;
use dsmrd::meter::Country;
use dsmrd::p1::cipher::{Key, LUXEMBOURG_AUTH_KEY};
use dsmrd::source::SourceSettings;

use super::{FILE, LEAST, Memory, load, on, try_load};

/// No digit of it stands in any other text of these tests.
const CANARY: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";

fn source(text: &str) -> SourceSettings {
    load(text).settings.meters[0].source.clone()
}

/// A meter with these lines is refused with exactly these problems.
#[track_caller]
pub(super) fn check(lines: &str, expected: &[&str]) {
    let error = try_load(&format!("{LEAST}{lines}\n"), &[]).expect_err("it loads");
    let problems: Vec<String> = error.problems.iter().map(|line| line.replace(FILE, "FILE")).collect();
    assert_eq!(problems, expected);
}

/// A meter with these lines loads with exactly these warnings.
#[track_caller]
fn warns(lines: &str, expected: &[&str]) {
    let loaded = load(&format!("{LEAST}{lines}\n"));
    let warnings: Vec<String> = loaded.warnings.iter().map(|line| line.replace(FILE, "FILE")).collect();
    assert_eq!(warnings, expected);
}

#[test]
fn the_country_gives_the_time_zone() {
    let least = source(LEAST);
    assert_eq!((least.country, least.timezone.as_deref()), (None, None));
    assert_eq!(least.zone_name(), "Europe/Amsterdam");
    for country in Country::ALL {
        let text = format!("{LEAST}country = \"{country}\"\n");
        assert_eq!(source(&text).country, Some(country));
        assert_eq!(source(&text).zone_name(), country.zone_name());
        let shown = sample::show(&load(&text), Path::new(FILE), false);
        assert!(shown.contains(&format!("\ntimezone = \"{}\"\n", country.zone_name())), "{shown}");
    }
    let both = source(&format!("{LEAST}country = \"FI\"\ntimezone = \"Europe/Mariehamn\"\n"));
    assert_eq!((both.country, both.zone_name()), (Some(Country::Finland), "Europe/Mariehamn"));
    check(
        "country = \"Belgium\"",
        &[
            "FILE:4:1: meter[0].country: unknown value \"Belgium\"; it can be auto, nl, be, lu, at, se, fi, lt, hu, ch, \
           il, pl, si, dk, de",
        ],
    );
}

#[test]
fn keys_in_the_file_in_files_and_in_the_environment() {
    let wanted: Key = CANARY.parse().expect("a key");
    let spaced = "0f 1e 2d 3c:4b:5a:69:78-8796A5B4 C3D2E1F0";
    let credentials = ("CREDENTIALS_DIRECTORY", "/run/credentials/dsmrd");
    let files = Memory::with(&[
        ("/etc/dsmrd/meter.key", "0f1e2d3c4b5a69788796a5b4c3d2e1f0\r\n"),
        ("/run/credentials/dsmrd/p1", spaced),
    ]);
    for (lines, env) in [
        (format!("key = \"{spaced}\""), vec![]),
        ("key_file = \"meter.key\"".to_owned(), vec![]),
        ("key_file = \"credential:p1\"".to_owned(), vec![credentials]),
        (String::new(), vec![("DSMRD_METER_0_KEY", CANARY)]),
        (String::new(), vec![("DSMRD_METER_0_KEY_FILE", "/etc/dsmrd/meter.key")]),
        (format!("key = \"{}\"", "0".repeat(32)), vec![("DSMRD_METER_0_KEY", CANARY)]),
    ] {
        let loaded = on(&format!("{LEAST}{lines}\n"), &env, &files).expect("it loads");
        let keys = loaded.settings.meters[0].source.keys.clone().expect("there are keys");
        assert_eq!(keys.key, wanted, "{lines}");
        assert_eq!(keys.auth_key, LUXEMBOURG_AUTH_KEY, "{lines}");
        assert!(!keys.allow_unverified_tag);
        assert_eq!(loaded.warnings, [""; 0]);
    }
    assert_eq!(source(LEAST).keys, None);
    let both = source(&format!("{LEAST}key = \"{}\"\nauth_key_file = \"meter.key\"\n", "1".repeat(32)));
    assert_eq!(both.keys.map(|keys| keys.auth_key), Some(wanted));
}

#[test]
fn wrong_keys_are_told_without_showing_them() {
    check("key = \"0f1e2d\"", &["FILE:4:1: meter[0].key: a key has 32 hex digits, this has 6"]);
    check(
        &format!("auth_key = \"{CANARY}00\""),
        &["FILE:4:1: meter[0].auth_key: a key has 32 hex digits, this has 34"],
    );
    check(
        "key = \"0F1E2D3C4B5A6978O796A5B4C3D2E1F0\"",
        &["FILE:4:1: meter[0].key: a key is written in hex digits; character 17 is none"],
    );
    check(
        "key = \"/etc/dsmrd/meter.key\"",
        &[
            "FILE:4:1: meter[0].key: a key is written in hex digits; character 1 is none; to name a file, write key_file",
        ],
    );
    check("key = 123", &["FILE:4:1: meter[0].key: it is not text; put the 32 hex digits in quotes"]);
    check(
        &format!("key = \"{CANARY}\"\nkey_file = \"meter.key\""),
        &["FILE:4:1: meter[0].key: key_file is set as well; keep one of the two"],
    );
    check(
        &format!("key_file = \"{CANARY}\""),
        &["FILE:4:1: meter[0].key_file: this is a key and no file; write it into a file, or set key"],
    );
    // A slip of a digit does not make it the name of a file.
    for slip in
        [&CANARY[1..], &format!("{CANARY}0"), &format!("/etc/dsmrd/{}", CANARY[..30].replace('2', "2 "))]
    {
        check(
            &format!("key_file = \"{slip}\""),
            &["FILE:4:1: meter[0].key_file: this is a key and no file; write it into a file, or set key"],
        );
    }
    check(
        "key_file = \"none\"",
        &["FILE:4:1: meter[0].key_file: cannot read /etc/dsmrd/none: no such file or directory; \
           write the meter's key into it"],
    );
    check(
        "auth_key_file = \"mqtt.password\"",
        &[
            "FILE:4:1: meter[0].auth_key_file: a key is written in hex digits; character 3 is none; the file holds the \
           authentication key and nothing else",
        ],
    );
    check(
        "key_file = \"credential:p1\"",
        &["FILE:4:1: meter[0].key_file: systemd gave no credentials (CREDENTIALS_DIRECTORY is not set); \
           add LoadCredential= to the unit, or name a file"],
    );
    check(
        "decryption_key = \"x\"",
        &["FILE:4:1: meter[0].decryption_key: unknown key; here it is `key`, or better `key_file`"],
    );
    let error = try_load(LEAST, &[("DSMRD_METER_0_KEY", "12")]).expect_err("it loads");
    assert_eq!(error.problems, ["DSMRD_METER_0_KEY: meter[0].key: a key has 32 hex digits, this has 2"]);
}

#[test]
fn keys_show_themselves_nowhere() {
    let text = format!("{LEAST}key = \"{CANARY}\"\nauth_key = \"{CANARY}\"\n");
    let loaded = load(&text);
    let shown = sample::show(&loaded, Path::new(FILE), true);
    assert!(shown.contains("# key = \"***\"") && shown.contains("# auth_key = \"***\""), "{shown}");
    let files = Memory::with(&[("/etc/dsmrd/k", CANARY), ("/etc/dsmrd/bad", &format!("{CANARY}x"))]);
    let with = |lines: String| format!("{LEAST}{lines}\n");
    // Wrong in every way a key can be near a mistake.
    let broken = [
        text.replace("auth_key = ", "silence = 1.5\nkey_file = \"k\"\nauth_key = "),
        text.replace("key = ", "key = ["),
        text.replace(&format!("\"{CANARY}\""), CANARY),
        text.replace(&format!("\"{CANARY}\""), &format!("\"{CANARY}")),
        text.replace(CANARY, &format!("{CANARY}1")),
        text.replace("key =", "kye ="),
        text.replace("key =", "key"),
        with(format!("key_file = \"{CANARY}\"")),
        with(format!("key_file = \"./{CANARY}\"")),
        with("key_file = \"bad\"".to_owned()),
        with(format!("auth_key_file = \"/etc/{CANARY}\"")),
        with(format!("key = {{ hex = \"{CANARY}\" }}")),
        with(format!("key = [\"{CANARY}\"]")),
        with(format!("[meter.share]\nkey = \"{CANARY}\"")),
    ];
    let mut said = vec![shown, format!("{loaded:?}")];
    for text in &broken {
        let error = on(text, &[], &files).expect_err("it loads");
        said.extend([error.to_string(), format!("{error:?}")]);
    }
    let from_env = try_load(LEAST, &[("DSMRD_METER_0_KEY", CANARY)]).expect("it loads");
    said.push(format!("{from_env:?}{}", sample::show(&from_env, Path::new(FILE), true)));
    let error = try_load(LEAST, &[("DSMRD_METER_0_KEY_FILE", CANARY)]).expect_err("it loads");
    said.push(error.to_string());
    let wrong = try_load(LEAST, &[("DSMRD_KEY", CANARY)]).expect("it loads");
    assert_eq!(
        wrong.warnings,
        ["DSMRD_KEY: only dsmrd decode and simulate take this; a meter's is DSMRD_METER_0_KEY"]
    );
    for text in said {
        assert!(!text.to_lowercase().contains(&CANARY.to_lowercase()), "{text}");
    }
}

#[test]
fn what_is_dangerous_or_does_nothing_is_warned_of() {
    warns(
        "key_file = \"meter.key\"\nallow_unverified_tag = true",
        &[
            "FILE:5:1: meter[0].allow_unverified_tag: telegrams are accepted though nothing proves that the meter sent \
           them; set this only when the authentication key is right and still no tag verifies",
        ],
    );
    warns("key_file = \"meter.key\"\nallow_unverified_tag = false", &[]);
    warns(
        "allow_unverified_tag = true\nauth_key_file = \"meter.authkey\"",
        &[
            "FILE:4:1: meter[0].allow_unverified_tag: without key_file or key nothing is decrypted; it is ignored",
            "FILE:5:1: meter[0].auth_key_file: without key_file or key nothing is decrypted; it is ignored",
        ],
    );
    const AUSTRIA: &str = "in Austria each meter has an authentication key of its own (GAK), and without it no \
                           telegram verifies; set auth_key_file";
    warns(
        "country = \"at\"\nkey_file = \"meter.key\"",
        &[&format!("FILE:5:1: meter[0].key_file: {AUSTRIA}")],
    );
    warns("country = \"at\"\nkey_file = \"meter.key\"\nauth_key_file = \"meter.authkey\"", &[]);
    warns("country = \"lu\"\nkey_file = \"meter.key\"", &[]);
    warns("country = \"at\"", &[]);
    warns(
        "[meter.share]\nencrypted = \"untouched\"",
        &["FILE:5:1: meter[0].share.encrypted: without listen nothing is shared; it is ignored"],
    );
    warns(
        "[meter.share]\nlisten = \"[::]:2323\"\nencrypted = \"untouched\"",
        &[
            "FILE:6:1: meter[0].share.encrypted: without key_file or key of the meter no encrypted telegram is read, \
           and none is shared; it is ignored",
        ],
    );
    warns("[meter.share]\nlisten = \"[::]:2323\"", &[]);
    let mut files = super::example_files();
    files.open = vec![FILE.into(), "/etc/dsmrd/meter.authkey".into()];
    let text = format!("{LEAST}key = \"{CANARY}\"\nauth_key_file = \"meter.authkey\"\n");
    assert_eq!(
        on(&text, &[], &files).expect("it loads").warnings,
        [
            "/etc/dsmrd/dsmrd.toml:4:1: meter[0].key: every user of this machine can read this file, and so the meter's \
             key; chmod o-r it",
            "/etc/dsmrd/dsmrd.toml:5:1: meter[0].auth_key_file: every user of this machine can read \
             /etc/dsmrd/meter.authkey; chmod o-r it",
        ]
    );
}

#[test]
fn the_meters_clock_is_believed_unless_a_tolerance_is_set() {
    let with = |value: &str| source(&format!("{LEAST}clock_tolerance = \"{value}\"\n")).clock_tolerance;
    assert_eq!(source(LEAST).clock_tolerance, None);
    assert_eq!(with("0s"), None);
    assert_eq!(with("1h"), Some(Duration::from_secs(3600)));
    check(
        "clock_tolerance = \"1500ms\"",
        &["FILE:4:1: meter[0].clock_tolerance: meters count whole seconds; write some such as \"30s\""],
    );
}
