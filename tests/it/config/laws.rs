//! Laws over random input.

use std::path::Path;
use std::time::Duration;

use dsmrd::config::keys::{self, KEYS};
use dsmrd::config::sample;
use proptest::prelude::*;

use super::{FILE, LEAST, load, try_load};

/// Text as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Pieces from which something close to a configuration comes about.
fn nearly_a_file() -> impl Strategy<Value = String> {
    let mut words: Vec<String> = [
        "[[meter]]\n",
        "[meter.share]\n",
        "[[mqtt]]\n",
        "[store]\n",
        "[log]\n",
        "[meter]\n",
        " = ",
        "\n",
        "\"",
        "{",
        "[",
    ]
    .map(str::to_owned)
    .to_vec();
    for key in KEYS {
        words.push(format!("{} = {}\n", key.name, key.example));
        words.push(format!("{} = ", key.name));
    }
    let values = [
        "1\n",
        "\"\"\n",
        "\"é\"\n",
        "[]\n",
        "[1]\n",
        "{}\n",
        "-1\n",
        "1e9\n",
        "2026-11-21\n",
        "0xFFFFFFFFFFFFFFFFF\n",
    ];
    words.extend(values.map(str::to_owned));
    prop::collection::vec(prop::sample::select(words), 0..20).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_text_panics(text in any::<String>(), name in "[A-Z0-9_]{0,12}", value in any::<String>()) {
        let _ = try_load(&text, &[(&format!("DSMRD_{name}"), &value)]);
        let near = format!("{LEAST}[[mqtt]]\nname = {}\nurl = {}\n", quoted(&text), quoted(&value));
        let _ = try_load(&near, &[]);
    }

    #[test]
    fn nothing_near_a_file_panics(text in nearly_a_file(), value in any::<String>(), at in 0..KEYS.len()) {
        let variable = KEYS[at].variable(KEYS[at].table.repeated().then_some(0));
        if let Ok(loaded) = try_load(&text, &[(&variable, &value)]) {
            let again = load(&sample::show(&loaded, Path::new(FILE), true));
            // A password is not shown, and so is not there again; nor is a key.
            let mut expected = loaded.settings;
            for (meter, again) in expected.meters.iter_mut().zip(&again.settings.meters) {
                meter.source.keys.clone_from(&again.source.keys);
            }
            for (broker, again) in expected.mqtt.iter_mut().zip(&again.settings.mqtt) {
                broker.password.clone_from(&again.password);
            }
            prop_assert_eq!(again.settings, expected);
        }
    }

    #[test]
    fn lengths_of_time_print_as_they_parse(millis in prop_oneof![0..3_600_000_u64, (0..3600_u64).prop_map(|s| s * 1000)]) {
        let variable = [("DSMRD_STORE_SYNC_INTERVAL", format!("{millis}ms"))].map(|(k, v)| (k, v.clone()));
        let loaded = try_load(LEAST, &[(variable[0].0, &variable[0].1)]).expect("it loads");
        prop_assert_eq!(loaded.settings.store.sync_interval, Duration::from_millis(millis));
        let again = load(&sample::show(&loaded, Path::new(FILE), false));
        prop_assert_eq!(again.settings, loaded.settings);
    }

    #[test]
    fn sources_and_brokers_print_as_they_parse(
        host in prop_oneof!["[a-z][a-z0-9.-]{0,20}", any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
            any::<std::net::Ipv6Addr>().prop_map(|ip| format!("[{ip}]"))],
        port in 1..=u16::MAX,
        scheme in prop::sample::select(vec!["mqtt", "tcp", "mqtts", "ssl", "tls"]),
        source in prop_oneof![
            any::<u64>().prop_map(|seed| format!("simulate:{seed}")),
            "/dev/[ -~é]{1,20}",
            Just("-".to_owned()),
            Just("tcp".to_owned()),
        ],
    ) {
        let source = if source == "tcp" { format!("tcp://{host}:{port}") } else { source };
        let text = format!(
            "[[meter]]\nname = \"home\"\nsource = {}\n[[mqtt]]\nname = \"b\"\nurl = \"{scheme}://{host}:{port}\"\n",
            quoted(&source)
        );
        let loaded = load(&text);
        let broker = &loaded.settings.mqtt[0];
        prop_assert_eq!(&broker.host, host.trim_matches(['[', ']']));
        prop_assert_eq!((broker.port, broker.tls.is_some()), (port, !matches!(scheme, "mqtt" | "tcp")));
        prop_assert_eq!(&load(&sample::show(&loaded, Path::new(FILE), false)).settings, &loaded.settings);
    }
}

/// Nesting without end is answered, not followed.
#[test]
fn nesting_is_bounded() {
    for open in ["[", "{a=", "a.", "[["] {
        let text = format!("{LEAST}x = {}", open.repeat(100_000));
        assert!(try_load(&text, &[]).is_err());
        let text = format!("{}{LEAST}", open.repeat(100_000));
        assert!(try_load(&text, &[]).is_err());
    }
}

/// Every word that a key can be comes back as itself.
#[test]
fn words_print_as_they_parse() {
    for (table, name, words) in [
        ("meter", "line", keys::LINES),
        ("mqtt", "payload", keys::PAYLOADS),
        ("log", "level", keys::LEVELS),
        ("log", "format", keys::FORMATS),
    ] {
        for word in words {
            let variable = match table {
                "log" => format!("DSMRD_LOG_{}", name.to_uppercase()),
                _ => format!("DSMRD_{}_0_{}", table.to_uppercase(), name.to_uppercase()),
            };
            let env = [(variable.as_str(), *word), ("DSMRD_MQTT_0_NAME", "b")];
            let loaded = try_load(LEAST, &env).expect("it loads");
            let shown = sample::show(&loaded, Path::new(FILE), false);
            assert!(shown.contains(&format!("{name} = \"{word}\"\n")), "{shown}");
            assert_eq!(load(&shown).settings, loaded.settings);
        }
    }
}
