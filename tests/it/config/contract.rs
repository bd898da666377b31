//! Contracts: what their keys come to, days, overlaps.

use std::path::Path;

use dsmrd::config::{diff, sample};
use dsmrd::meter::MbusClass;
use dsmrd::p1::Decimal;
use dsmrd::prices::Contract;
use jiff::civil::date;

use super::{FILE, LEAST, load, try_load};

/// The least that loads, and then a contract with these lines, of which the first is line 7.
pub(super) fn with(lines: &str) -> String {
    format!("{LEAST}[[contract]]\nname = \"a\"\nstart = 2026-01-01\n{lines}\n")
}

pub(super) fn contract(lines: &str) -> Contract {
    load(&with(lines)).settings.prices.contracts.remove(0)
}

pub(super) fn price(text: &str) -> Option<String> {
    contract(&format!("import = {text}")).import.map(|price| price.to_string())
}

#[track_caller]
pub(super) fn check(text: &str, expected: &[&str]) {
    let error = try_load(text, &[]).expect_err("it loads");
    let problems: Vec<String> = error.problems.iter().map(|line| line.replace(FILE, "FILE")).collect();
    assert_eq!(problems, expected);
}

#[track_caller]
pub(super) fn warned(text: &str, expected: &[&str]) {
    let warnings = load(text).warnings;
    let warnings: Vec<String> = warnings.iter().map(|line| line.replace(FILE, "FILE")).collect();
    assert_eq!(warnings, expected);
}

#[test]
fn a_whole_contract() {
    let lines = "end = \"2027-01-01\"\nmeter = \"home\"\nimport_t1 = 0.2412\nimport_t2 = \"0.2631\"\nimport_t4 = 1\n\
                 import = 0.25\nexport = -0.01\nexport_t3 = 0.06\ngas = 1.2795\nwater = 1.05\nwarm_water = 9.16\n\
                 heat = 43.79\ncooling = 21.90\nfixed = -0.12\nfeed_in = 0.0150\ncapacity = 51.9212345\n\
                 capacity_minimum = 3\ndynamic = [\"gas\", \"import\", \"export\"]\n\
                 dynamic_markup_import = 0.12345678\ndynamic_markup_export = -0.015\n\
                 dynamic_markup_gas = 0.66\ndynamic_vat = \"5.5 %\"\ndynamic_vat_export = \"0%\"";
    let loaded = load(&with(lines));
    assert_eq!(loaded.warnings, [""; 0]);
    let d =
        |text: &str| price(text).map(|_| contract(&format!("fixed = {text}")).fixed).expect("it is a price");
    let contract = &loaded.settings.prices.contracts[0];
    assert_eq!((contract.name.as_str(), contract.meter.as_deref()), ("a", Some("home")));
    assert_eq!((contract.start, contract.end), (date(2026, 1, 1), Some(date(2027, 1, 1))));
    assert_eq!(contract.import, Some(d("0.25")));
    assert_eq!(contract.import_tariffs, [Some(d("0.2412")), Some(d("0.2631")), None, Some(d("1"))]);
    assert_eq!(contract.export, Some(d("-0.01")));
    assert_eq!(contract.export_tariffs, [None, None, Some(d("0.06")), None]);
    assert_eq!(
        contract.devices,
        [
            (MbusClass::Gas, d("1.2795")),
            (MbusClass::Water, d("1.05")),
            (MbusClass::WarmWater, d("9.16")),
            (MbusClass::Heat, d("43.79")),
            (MbusClass::Cooling, d("21.90")),
        ]
    );
    assert_eq!((contract.fixed, contract.feed_in), (d("-0.12"), d("0.0150")));
    assert_eq!((contract.capacity, contract.capacity_minimum), (Some(d("51.9212345")), d("3")));
    let dynamic = contract.dynamic.as_ref().expect("it is dynamic");
    assert!(dynamic.import && dynamic.export && dynamic.gas);
    assert_eq!((dynamic.markup_import, dynamic.markup_export), (d("0.12345678"), d("-0.015")));
    assert_eq!(dynamic.markup_gas, d("0.66"));
    assert_eq!((dynamic.vat.to_string(), dynamic.vat_export.is_zero()), ("0.055".to_owned(), true));
    let shown = sample::show(&loaded, Path::new(FILE), true);
    assert_eq!(load(&shown).settings, loaded.settings, "{shown}");
}

#[test]
fn the_least_contract() {
    let least = contract("");
    assert_eq!((least.meter.as_ref(), least.end, &least.dynamic), (None, None, &None));
    assert_eq!((least.fixed, least.feed_in, least.capacity), (Decimal::ZERO, Decimal::ZERO, None));
    assert_eq!(least.capacity_minimum.to_string(), "2.5");
    assert_eq!((least.import, least.devices), (None, Vec::new()));
    warned(
        &with(""),
        &[
            "FILE:5:1: contract[0].name: the contract has no price, so nothing costs anything; write import = 0.2574 or \
           such",
        ],
    );
    // What is shown of it says no less and no more.
    let shown = sample::show(&load(&with("")), Path::new(FILE), false);
    assert_eq!(load(&shown).warnings.len(), 1, "{shown}");
    assert_eq!(load(LEAST).settings.prices.contracts, []);
    assert_eq!(load(LEAST).settings.prices.currency, "EUR");
}

#[test]
fn days_in_quotes_and_without() {
    for typed in ["2026-03-01", "\"2026-03-01\"", "\" 2026-03-01 \""] {
        assert_eq!(contract(&format!("end = {typed}")).end, Some(date(2026, 3, 1)), "{typed}");
    }
    const SHAPE: &str = "write one such as \"2026-01-01\"";
    for (typed, why) in [
        ("\"2026-02-30\"", format!("\"2026-02-30\" is no day; {SHAPE}")),
        ("\"1-3-2026\"", format!("\"1-3-2026\" is no day; {SHAPE}")),
        ("\"20260301\"", format!("\"20260301\" is no day; {SHAPE}")),
        ("2026-03-01T00:00:00Z", format!("2026-03-01T00:00:00Z is no day; {SHAPE}")),
        ("12:00:00", format!("12:00:00 is no day; {SHAPE}")),
        ("2026", format!("2026 where a day belongs; {SHAPE}")),
        ("9999-12-31", "9999-12-31 is out of range; it can be from 2000-01-01 to 2199-12-31".to_owned()),
    ] {
        check(&with(&format!("end = {typed}")), &[&format!("FILE:7:1: contract[0].end: {why}")]);
    }
    for end in ["2026-01-01", "2025-12-31"] {
        let line = format!(
            "FILE:7:1: contract[0].end: {end} is not after the start, 2026-01-01; it is the first day on which the \
             contract no longer holds"
        );
        check(&with(&format!("end = {end}")), &[&line]);
    }
    check(
        &format!("{LEAST}[[contract]]\n"),
        &[
            "FILE:4:1: contract[0].name: it is missing; write name = \"Stroom en gas 2026\"",
            "FILE:4:1: contract[0].start: it is missing; write start = \"2026-01-01\"",
        ],
    );
}

#[test]
fn what_follows_the_market() {
    let dynamic = |list: &str| contract(&format!("dynamic = {list}")).dynamic.expect("it is dynamic");
    let what = |list: &str| {
        let dynamic = dynamic(list);
        (dynamic.import, dynamic.export, dynamic.gas)
    };
    assert_eq!(what("[\"import\"]"), (true, false, false));
    assert_eq!(what("[\"export\"]"), (false, true, false));
    assert_eq!(what("[\"gas\"]"), (false, false, true));
    assert_eq!(what("[\"gas\", \"import\"]"), (true, false, true));
    let vats = |lines: &str| {
        let dynamic = dynamic(&format!("[\"import\", \"export\"]\n{lines}"));
        (dynamic.vat.to_string(), dynamic.vat_export.to_string())
    };
    let are = |vat: &str, export: &str| (vat.to_owned(), export.to_owned());
    assert_eq!(vats(""), are("0.00", "0.00"));
    assert_eq!(vats("dynamic_vat = \"21%\""), are("0.21", "0.21"));
    assert_eq!(vats("dynamic_vat = \"21%\"\ndynamic_vat_export = \"9%\""), are("0.21", "0.09"));
    assert_eq!(vats("dynamic_vat_export = \"9%\""), are("0.00", "0.09"));
    // A default that follows from another key is shown as what it came to.
    let shown = load(&with("import = 0.2\ndynamic = [\"export\"]\ndynamic_vat = \"21%\""));
    assert_eq!(shown.warnings, [""; 0]);
    let shown = sample::show(&shown, Path::new(FILE), true);
    assert!(shown.contains("dynamic_vat_export = \"21%\""), "{shown}");
    check(
        &with("dynamic = [\"imprt\"]"),
        &[
            "FILE:7:1: contract[0].dynamic: unknown value \"imprt\"; did you mean \"import\"? It can be import, export, \
           gas",
        ],
    );
    warned(
        &with("import = 0.2\ndynamic_vat = \"21%\""),
        &["FILE:8:1: contract[0].dynamic_vat: without dynamic every price is fixed; it is ignored"],
    );
    for (list, key, value, lacks) in [
        ("import", "markup_export", "-0.01", "export"),
        ("export", "markup_import", "0.1", "import"),
        ("import", "markup_gas", "0.6", "gas"),
        ("gas", "vat_export", "\"9%\"", "export"),
        ("export", "vat", "\"9%\"\ndynamic_vat_export = \"0%\"", "import and no gas"),
    ] {
        warned(
            &with(&format!("import = 0.2\ndynamic = [\"{list}\"]\ndynamic_{key} = {value}")),
            &[&format!(
                "FILE:9:1: contract[0].dynamic_{key}: dynamic has no {lacks}, whose price is fixed; it is ignored"
            )],
        );
    }
}

/// A second meter, and then contracts with a name and these lines each.
fn several(contracts: &[(&str, &str)]) -> String {
    let mut text = format!("{LEAST}[[meter]]\nname = \"barn\"\nsource = \"simulate:\"\n");
    for (name, lines) in contracts {
        text.push_str(&format!("[[contract]]\nname = \"{name}\"\nimport = 0.2\n{lines}\n"));
    }
    text
}

#[test]
fn overlapping_contracts_are_an_error_that_names_both() {
    const LET: &str = "let one end on the day on which the other starts";
    for (contracts, lines) in [
        (
            &[("a", "start = 2026-01-01\nend = 2027-01-01"), ("b", "start = 2026-06-01")][..],
            vec![format!(
                "FILE:15:1: contract[1].start: \"b\" and \"a\" (line 10) both hold from 2026-06-01 to 2026-12-31, for \
                 every meter; {LET}"
            )],
        ),
        (
            &[("a", "start = 2026-01-01"), ("b", "start = 2025-01-01\nend = 2026-01-02\nmeter = \"barn\"")],
            vec![format!(
                "FILE:14:1: contract[1].start: \"b\" and \"a\" (line 10) both hold on 2026-01-01, for the meter \
                 \"barn\"; {LET}"
            )],
        ),
        // Each is named with the first that it overlaps.
        (
            &[("a", "start = 2026-01-01"), ("b", "start = 2026-02-01"), ("c", "start = 2026-03-01")],
            vec![
                format!(
                    "FILE:14:1: contract[1].start: \"b\" and \"a\" (line 10) both hold from 2026-02-01 on, for every \
                     meter; {LET}"
                ),
                format!(
                    "FILE:18:1: contract[2].start: \"c\" and \"a\" (line 10) both hold from 2026-03-01 on, for every \
                     meter; {LET}"
                ),
            ],
        ),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check(&several(contracts), &lines);
    }
    check(
        &several(&[
            ("a", "start = 2026-01-01\nend = 2027-01-01"),
            ("a", "start = 2027-01-01\nmeter = \"attic\""),
        ]),
        &[
            "FILE:13:1: contract[1].name: \"a\" is taken already (line 8); each [[contract]] needs its own",
            "FILE:16:1: contract[1].meter: there is no meter \"attic\"; there is home, barn",
        ],
    );
    let loaded = load(&several(&[
        ("next", "start = 2027-01-01\nmeter = \"home\""),
        ("gap", "start = 2020-01-01\nend = 2021-01-01"),
        ("now", "start = 2026-01-01\nend = 2027-01-01\nmeter = \"home\""),
        ("barn", "start = 2026-01-01\nmeter = \"barn\""),
    ]));
    let names: Vec<&str> = loaded.settings.prices.contracts.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        ["gap", "barn", "now", "next"],
        "by their start, and the same however the file has them"
    );
    assert_eq!(loaded.warnings, [""; 0]);
}

#[test]
fn contracts_from_the_environment_alone() {
    let env = [
        ("DSMRD_PRICES_CURRENCY", "CHF"),
        ("DSMRD_CONTRACT_0_NAME", "a"),
        ("DSMRD_CONTRACT_0_START", "2026-01-01"),
        ("DSMRD_CONTRACT_0_IMPORT", "0.2112"),
        ("DSMRD_CONTRACT_0_DYNAMIC", "import, gas"),
        ("DSMRD_CONTRACT_0_DYNAMIC_VAT", "8.1%"),
    ];
    let prices = try_load(LEAST, &env).expect("it loads").settings.prices;
    let lines = "import = 0.2112\ndynamic = [\"import\", \"gas\"]\ndynamic_vat = \"8.1%\"";
    assert_eq!(prices, load(&format!("{}[prices]\ncurrency = \"CHF\"\n", with(lines))).settings.prices);
}

#[test]
fn words_of_other_programs_are_translated() {
    check(
        &with("electricity_delivered_1_price = 0.2\nuntil = 2027-01-01\nimport_1 = 0.2"),
        &[
            "FILE:7:1: contract[0].electricity_delivered_1_price: unknown key; here it is `import_t1`",
            "FILE:8:1: contract[0].until: unknown key; here it is `end`, the first day on which it no longer holds",
            "FILE:9:1: contract[0].import_1: unknown key; did you mean `import_t1`?",
        ],
    );
    check(
        &format!("{LEAST}[contract]\nname = \"a\"\nstart = 2026-01-01\n"),
        &["FILE:4:2: contract: write the table as [[contract]], since there can be several"],
    );
    check(
        &with("currency = \"EUR\""),
        &["FILE:7:1: contract[0].currency: unknown key; it belongs under [prices], for all contracts"],
    );
}

#[test]
fn a_reload_sees_a_price_that_changed() {
    let old = load(&with("import = 0.2")).settings;
    assert!(!diff(&old, &load(&with("import = 0.2")).settings).prices);
    let changes = diff(&old, &load(&with("import = 0.21")).settings);
    assert!(changes.prices && changes.brokers.is_empty() && changes.meters.is_empty());
    let text = format!("{}[prices]\ncurrency = \"CHF\"\n", with("import = 0.2"));
    assert!(diff(&old, &load(&text).settings).prices);
}

/// What people copy from the sample works.
#[test]
fn the_examples_load() {
    let sample = sample::sample();
    let from = sample.find("#     # The Netherlands").expect("it has examples");
    let to = from + sample[from..].find("# Its keys:").expect("they end");
    let lines: Vec<&str> = sample[from..to].lines().filter_map(|line| line.strip_prefix("#     ")).collect();
    let mut examples = lines.split(|line| *line == "[[contract]]");
    examples.next();
    let examples: Vec<String> = examples.map(|lines| lines.join("\n")).collect();
    assert_eq!(examples.len(), 3);
    // The third is of another country than the first.
    for some in [&examples[..2], &examples[2..]] {
        let text = some.iter().fold(LEAST.to_owned(), |text, lines| format!("{text}[[contract]]\n{lines}\n"));
        let loaded = load(&text);
        assert_eq!(loaded.warnings, [""; 0]);
        assert_eq!(loaded.settings.prices.contracts.len(), some.len());
    }
}
