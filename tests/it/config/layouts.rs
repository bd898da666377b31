//! Discovery, DSMR-reader's layout under other names, topics with prices.

use std::path::Path;

use dsmrd::config::{Facts, resolve, sample};
use dsmrd::mqtt::{BrokerSettings, PriceTopic};
use dsmrd::prices::{PriceKind, PriceUnit};
use dsmrd::publish::layout::mappable_fields;
use dsmrd::publish::{Discovery, Layout, LayoutSettings, Mapping, PayloadFormat};
use proptest::prelude::*;

use super::{FILE, LEAST, Memory, load, try_load};

/// The least that loads, and then a broker with these lines, of which the first is line 6.
fn with(lines: &str) -> String {
    format!("{LEAST}[[mqtt]]\nname = \"local\"\n{lines}\n")
}

fn broker(lines: &str) -> BrokerSettings {
    load(&with(lines)).settings.mqtt.remove(0)
}

#[track_caller]
fn check(lines: &str, expected: &[&str]) {
    let error = try_load(&with(lines), &[]).expect_err("it loads");
    let problems: Vec<String> = error.problems.iter().map(|line| line.replace(FILE, "FILE")).collect();
    assert_eq!(problems, expected);
}

#[track_caller]
fn warned(lines: &str, expected: &[&str]) {
    let warnings = load(&with(lines)).warnings;
    let warnings: Vec<String> = warnings.iter().map(|line| line.replace(FILE, "FILE")).collect();
    assert_eq!(warnings, expected);
}

fn discovery(broker: &BrokerSettings) -> &Discovery {
    match &broker.layouts[0] {
        LayoutSettings::Native { discovery, .. } => discovery,
        other => panic!("{other:?}"),
    }
}

fn mapping(lines: &str) -> (String, Vec<Mapping>) {
    match broker(&format!("layouts = [\"dsmr-reader\"]\n{lines}")).layouts.remove(0) {
        LayoutSettings::DsmrReader { prefix, mapping, .. } => (prefix, mapping),
        other => panic!("{other:?}"),
    }
}

#[test]
fn discovery_knows_the_status_the_meters_and_the_machine() {
    let text = with(
        "prefix = \"a/b\"\nstatus_topic = \"clients/{hostname}\"\nstatus_online = \"up\"\n\
                     discovery_prefix = \"ha/find/\"\npayload = \"json\"",
    ) + "[[meter]]\nname = \"barn\"\nsource = \"simulate:\"\n";
    let loaded = load(&text);
    assert_eq!(loaded.warnings, [""; 0]);
    let LayoutSettings::Native { payload, discovery, .. } = &loaded.settings.mqtt[0].layouts[0] else {
        panic!("{loaded:?}")
    };
    assert_eq!(*payload, PayloadFormat::Json, "every payload can be described");
    assert_eq!((discovery.enabled, discovery.prefix.as_str()), (true, "ha/find"));
    assert_eq!(discovery.status_topic, "clients/attic");
    assert_eq!((discovery.status_online.as_str(), discovery.status_offline.as_str()), ("up", "offline"));
    assert_eq!(discovery.meters, ["home", "barn"]);
    // Switched off, it knows as much, so that it can remove what is there.
    let off = load(&text.replace("prefix = \"a/b\"", "prefix = \"a/b\"\ndiscovery = false"));
    let LayoutSettings::Native { discovery: removed, .. } = &off.settings.mqtt[0].layouts[0] else {
        panic!("{off:?}")
    };
    assert_eq!(*removed, Discovery { enabled: false, ..discovery.clone() });
}

#[test]
fn a_node_is_stable_and_unlike_those_of_other_machines_and_clients() {
    let node = |machine: &str, lines: &str| {
        let files = Memory::default();
        let facts = Facts { hostname: "attic".to_owned(), machine_id: machine.to_owned(), files: &files };
        let settings = resolve(&with(lines), Path::new(FILE), &[], &facts).expect("it loads").settings;
        discovery(&settings.mqtt[0]).node.clone()
    };
    let here = node("f3a9c1d2e4b5", "");
    assert_eq!(
        here,
        node("f3a9c1d2e4b5\n", "url = \"mqtt://other\"\nlayouts = [\"dsmrd\", \"dsmr-reader\"]")
    );
    assert_ne!(here, node("f3a9c1d2e4b6", ""));
    assert_eq!(
        here,
        node("f3a9c1d2e4b5", "prefix = \"other\""),
        "documents are found again when topics move"
    );
    assert_ne!(here, node("f3a9c1d2e4b5", "client_id = \"other\""));
    let digits = here.strip_prefix("dsmrd_").expect("it says whose it is");
    assert!(
        digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && !here.contains("f3a9"),
        "{here}"
    );
}

#[test]
fn without_the_layout_dsmrd_its_documents_are_known_and_removed() {
    let on = broker("prefix = \"a\"\ndiscovery_prefix = \"ha\"");
    let off = broker("layouts = [\"dsmr-reader\"]\nprefix = \"a\"\ndiscovery_prefix = \"ha\"");
    let [LayoutSettings::DsmrReader { .. }, LayoutSettings::Withdrawn { prefix, discovery: removed }] =
        &off.layouts[..]
    else {
        panic!("{off:?}")
    };
    assert_eq!((prefix.as_str(), removed.enabled, removed.prefix.as_str()), ("a", false, "ha"));
    assert_eq!(removed.node, discovery(&on).node);
}

#[test]
fn home_assistant_has_everything_twice() {
    const TWICE: &str = "FILE:6:1: mqtt[0].layouts: Home Assistant finds what the layout dsmrd has by itself, so with its \
                         integration of DSMR-reader it has every value twice; write discovery = false, or \
                         discovery = true to have both";
    let both = "layouts = [\"dsmrd\", \"dsmr-reader\"]";
    warned(both, &[TWICE]);
    for more in ["discovery = true", "discovery = false", "dsmr_reader_prefix = \"other\""] {
        warned(&format!("{both}\n{more}"), &[]);
    }
    warned(
        "layouts = [\"dsmr-reader\"]\ndiscovery = true\ndiscovery_prefix = \"ha\"",
        &[
            "FILE:7:1: mqtt[0].discovery: Home Assistant learns of the layout dsmrd alone, which is not there; it is \
             ignored",
            "FILE:8:1: mqtt[0].discovery_prefix: Home Assistant learns of the layout dsmrd alone, which is not there; it \
             is ignored",
        ],
    );
    warned("layouts = [\"dsmr-reader\"]\ndiscovery = false", &[]);
    warned(
        "dsmr_reader_prefix = \"x\"\ndsmr_reader_mapping = [\"raw =\"]",
        &[
            "FILE:6:1: mqtt[0].dsmr_reader_prefix: the layout dsmr-reader is not there; it is ignored",
            "FILE:7:1: mqtt[0].dsmr_reader_mapping: the layout dsmr-reader is not there; it is ignored",
        ],
    );
}

#[test]
fn prefixes_keep_out_of_each_other() {
    let both = "layouts = [\"dsmrd\", \"dsmr-reader\"]\ndiscovery = true";
    for (lines, problem) in [
        (
            "discovery_prefix = \"ha\"\nprefix = \"ha/dsmrd\"",
            "FILE:9:1: mqtt[0].prefix: Home Assistant's own topics begin with ha; choose another prefix, such as dsmrd",
        ),
        (
            "discovery_prefix = \"dsmrd/ha\"",
            "FILE:8:1: mqtt[0].discovery_prefix: our own topics begin with \"dsmrd\"; write Home Assistant's prefix",
        ),
        (
            "discovery_prefix = \"ha\"\nstatus_topic = \"ha/status\"",
            "FILE:9:1: mqtt[0].status_topic: Home Assistant tells its own state there; choose another topic, such as \
             dsmrd/status",
        ),
        (
            "discovery_prefix = \"a/+\"",
            "FILE:8:1: mqtt[0].discovery_prefix: the prefix has the wildcard '+', which no topic to publish to may have; \
             leave it out",
        ),
        (
            "status_topic = \"dsmr/reading/id\"",
            "FILE:8:1: mqtt[0].status_topic: \"dsmr/reading/id\" is a topic of the layout dsmr-reader; write one such as \
             dsmrd/status",
        ),
        (
            "dsmr_reader_prefix = \"homeassistant\"",
            "FILE:8:1: mqtt[0].dsmr_reader_prefix: Home Assistant's own topics begin with homeassistant; choose another \
             prefix, such as dsmr",
        ),
        (
            "dsmr_reader_prefix = \"dsmrd\"",
            "FILE:8:1: mqtt[0].dsmr_reader_prefix: the topics of the layout dsmrd begin with the same; choose another \
             prefix, such as dsmr",
        ),
        (
            "dsmr_reader_prefix = \"dsmrd/home/x\"",
            "FILE:8:1: mqtt[0].dsmr_reader_prefix: \"dsmrd/home/x\" lies among the topics of the meter \"home\"; choose \
             another prefix, such as dsmr",
        ),
    ] {
        check(&format!("{both}\n{lines}"), &[problem]);
    }
    assert_eq!(mapping("dsmr_reader_prefix = \"a/b/\"").0, "a/b");
    let loaded = load(&with("prefix = \"haus\"\ndiscovery_prefix = \"ha\""));
    assert_eq!(discovery(&loaded.settings.mqtt[0]).prefix, "ha");
}

#[test]
fn fields_under_other_names() {
    let lines = "dsmr_reader_mapping = [\n \"reading/id = huis/meterstand = id\",\n \"json#timestamp=tijd\",\n \
                 \"raw =\",\n \"json#id = \",\n]";
    let of =
        |field: &str, name: Option<&str>| Mapping { field: field.to_owned(), name: name.map(str::to_owned) };
    let expected = [
        of("reading/id", Some("huis/meterstand = id")),
        of("json#timestamp", Some("tijd")),
        of("raw", None),
        of("json#id", None),
    ];
    assert_eq!(mapping(lines), ("dsmr".to_owned(), expected.to_vec()));
    let loaded = load(&with(&format!("layouts = [\"dsmr-reader\"]\n{lines}")));
    let shown = sample::show(&loaded, Path::new(FILE), false);
    assert!(shown.contains("\"json#timestamp = tijd\", \"raw =\", \"json#id =\"]\n"), "{shown}");
    assert_eq!(load(&shown).settings, loaded.settings);
    // Two fields that change places collide with nobody.
    let swapped = "[\"reading/id = dsmr/reading/timestamp\", \"reading/timestamp = dsmr/reading/id\"]";
    assert_eq!(mapping(&format!("dsmr_reader_mapping = {swapped}")).1.len(), 2);
    // A field that another has left may be taken, and a list without fields changes nothing.
    assert_eq!(mapping("dsmr_reader_mapping = [\"raw =\", \"json = dsmr/raw\"]").1.len(), 2);
    assert_eq!(mapping("dsmr_reader_mapping = []").1, []);
    let env = [("DSMRD_MQTT_0_DSMR_READER_MAPPING", "reading/id = x/id, raw =")];
    let by_env = try_load(&with("layouts = [\"dsmr-reader\"]"), &env).expect("it loads").settings;
    assert_eq!(
        by_env.mqtt[0].layouts,
        broker("layouts = [\"dsmr-reader\"]\ndsmr_reader_mapping = [\"reading/id = x/id\", \"raw =\"]")
            .layouts
    );
}

#[test]
fn mappings_that_cannot_be() {
    const SHAPE: &str = "write \"FIELD = NAME\", or \"FIELD =\" to leave a field out";
    for (list, why) in [
        ("\"raw =\"", "\"raw =\" where a list belongs; write [\"FIELD = NAME\"]".to_owned()),
        ("[1]", format!("1 in the list; {SHAPE}")),
        ("[\"raw\"]", format!("\"raw\" has no equals sign; {SHAPE}")),
        ("[\"= x\"]", format!("\"= x\" has no field; {SHAPE}")),
        ("[\"raw = a/+\"]", "\"a/+\" has '+' in it, which no topic can have; write a topic such as \"dsmrd/status\"".to_owned()),
        ("[\"json#id = a\\u0001\"]", format!("\"json#id = a\\u0001\" has a control character in it; {SHAPE}")),
        ("[\"reading/di = x\"]", "unknown field \"reading/di\"; did you mean \"reading/id\"?".to_owned()),
        (
            "[\"dsmr/reading/id = x\"]",
            "\"dsmr/reading/id\" has the prefix in it; write \"reading/id\"".to_owned(),
        ),
        (
            "[\"power = x\"]",
            "unknown field \"power\"; the fields are the topics of the layout without their prefix, such as \
             \"reading/id\""
                .to_owned(),
        ),
        ("[\"raw = x\", \"raw =\"]", "\"raw\" stands in the list twice; write it once".to_owned()),
        (
            "[\"raw = x\", \"json = x\"]",
            "\"raw\" and \"json\" would both be \"x\"; choose another name for one, or leave it out".to_owned(),
        ),
        (
            "[\"raw = dsmr/json\"]",
            "\"raw\" and \"json\" would both be \"dsmr/json\"; choose another name for one, or leave it out".to_owned(),
        ),
        (
            "[\"json#id = timestamp\"]",
            "\"json#timestamp\" and \"json#id\" would both be \"timestamp\"; choose another name for one, or leave it out"
                .to_owned(),
        ),
        (
            "[\"raw = dsmrd/status\"]",
            "\"raw\" would be \"dsmrd/status\", where we tell whether we live; choose another name".to_owned(),
        ),
        (
            "[\"raw = homeassistant/status\"]",
            "\"raw\" would be \"homeassistant/status\", where Home Assistant tells its own state; choose another name"
                .to_owned(),
        ),
        (
            "[\"raw = energy/prices\"]",
            "\"raw\" would be \"energy/prices\", where prices come from; choose another name".to_owned(),
        ),
        (
            "[\"raw = dsmrd/home/x\"]",
            "\"raw\" would be \"dsmrd/home/x\", among the topics of the meter \"home\"; choose another name".to_owned(),
        ),
    ] {
        let lines = format!(
            "layouts = [\"dsmrd\", \"dsmr-reader\"]\nprices_topic = \"energy/prices\"\ndsmr_reader_mapping = {list}"
        );
        check(&lines, &[&format!("FILE:8:1: mqtt[0].dsmr_reader_mapping: {why}")]);
    }
    // Without the layout dsmrd its topics are free.
    assert_eq!(mapping("dsmr_reader_mapping = [\"raw = dsmrd/home/x\"]").1.len(), 1);
}

#[test]
fn topics_with_prices() {
    let prices = |lines: &str| broker(lines).prices;
    let of = |topic: &str, kind, unit| Some(PriceTopic { topic: topic.to_owned(), kind, unit });
    assert_eq!(prices(""), None);
    assert_eq!(prices("prices_topic = \"p\""), of("p", PriceKind::Electricity, None));
    assert_eq!(
        prices(
            "prices_topic = \"{prefix}/prices/{name}\"\nprices_kind = \"electricity-export\"\nprices_unit = \"MWh\""
        ),
        of("dsmrd/prices/local", PriceKind::ElectricityExport, Some(PriceUnit::MegaWattHour))
    );
    assert_eq!(prices("prices_topic = \"p\"\nprices_kind = \"gas\""), of("p", PriceKind::Gas, None));
    assert_eq!(
        prices("prices_topic = \"p\"\nprices_kind = \"gas\"\nprices_unit = \"m3\""),
        of("p", PriceKind::Gas, Some(PriceUnit::Unit))
    );
    for (lines, problem) in [
        (
            "prices_kind = \"gas\"\nprices_unit = \"MWh\"",
            "FILE:8:1: mqtt[0].prices_unit: gas is counted in m³, and what a m³ is in kWh differs; write \"m3\"",
        ),
        (
            "prices_unit = \"m3\"",
            "FILE:7:1: mqtt[0].prices_unit: electricity is counted in kWh; write \"kWh\" or \"MWh\"",
        ),
        (
            "prices_kind = \"gass\"",
            "FILE:7:1: mqtt[0].prices_kind: unknown value \"gass\"; did you mean \"gas\"? It can be electricity, \
             electricity-export, gas",
        ),
        (
            "status_topic = \"p\"",
            "FILE:6:1: mqtt[0].prices_topic: we tell there whether we live; choose another topic, such as energy/prices",
        ),
        (
            "prefix = \"x\"\n[[mqtt]]\nname = \"b\"\nurl = \"mqtt://b\"\nprices_topic = \"dsmrd/home/prices\"",
            "FILE:11:1: mqtt[1].prices_topic: \"dsmrd/home/prices\" lies among the topics of the meter \"home\"; write one \
             outside of them",
        ),
        (
            "[[mqtt]]\nname = \"b\"\nurl = \"mqtt://b\"\nprices_topic = \"homeassistant/status\"",
            "FILE:10:1: mqtt[1].prices_topic: Home Assistant tells its own state there; choose another topic, such as \
             energy/prices",
        ),
        (
            "[[mqtt]]\nname = \"b\"\nurl = \"mqtt://b\"\nprices_topic = \"prices/#\"",
            "FILE:10:1: mqtt[1].prices_topic: \"prices/#\" has '#' in it, which no topic can have; write a topic such as \
             \"dsmrd/status\"",
        ),
    ] {
        check(&format!("prices_topic = \"p\"\n{lines}"), &[problem]);
    }
    warned(
        "prices_kind = \"gas\"",
        &["FILE:6:1: mqtt[0].prices_kind: without prices_topic no prices come; it is ignored"],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// What the configuration takes, the layout takes, and the other way round.
    #[test]
    fn the_layout_agrees(picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8), 0..8)) {
        let fields = mappable_fields();
        let lines: Vec<String> = picks
            .iter()
            .map(|(field, other, way)| {
                let (field, other) = (&fields[field.index(fields.len())].name, &fields[other.index(fields.len())].name);
                match (way, other.split_once('#')) {
                    (0, _) => format!("\"{field} =\""),
                    (1, _) => format!("\"{field} = free/{}\"", field.replace('#', "/")),
                    (_, Some((_, key))) => format!("\"{field} = {key}\""),
                    (_, None) => format!("\"{field} = dsmr/{other}\""),
                }
            })
            .collect();
        let text = with(&format!("layouts = [\"dsmr-reader\"]\ndsmr_reader_mapping = [{}]", lines.join(", ")));
        if let Ok(loaded) = try_load(&text, &[]) {
            let built = Layout::new(&loaded.settings.mqtt[0].layouts[0]);
            prop_assert!(built.is_ok(), "{text}{built:?}");
        }
    }
}
