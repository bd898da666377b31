//! Prices to the last digit, percentages, currencies.

use std::path::Path;

use dsmrd::config::sample;
use dsmrd::p1::Decimal;
use proptest::prelude::*;

use super::contract::{check, price, warned, with};
use super::{FILE, LEAST, load, try_load};

#[test]
fn prices_are_what_the_letters_say() {
    for (typed, exact) in [
        ("0.1", "0.1"),
        ("0.10", "0.10"),
        ("0.2112", "0.2112"),
        ("\"0.2112\"", "0.2112"),
        ("\" 0.3 \"", "0.3"),
        ("1", "1"),
        ("+1.5", "1.5"),
        ("-0.05", "-0.05"),
        ("-0.0", "0.0"),
        ("0.000_001", "0.000001"),
        ("1_0.5", "10.5"),
        ("2.5e-1", "0.25"),
        ("25e-2", "0.25"),
        ("1E+1", "10"),
        ("0.30000000000000000", "0.30000000"),
        ("0.00000001", "0.00000001"),
        ("0e99", "0"),
        ("1000000", "1000000"),
        ("0x10", "16"),
    ] {
        assert_eq!(price(typed).as_deref(), Some(exact), "{typed}");
    }
}

#[test]
fn what_is_no_price() {
    const SHAPE: &str = "write a number such as 0.2574";
    const RANGE: &str = "is out of range; it can be from -1000000 to 1000000";
    const FINE: &str = "has more than 8 digits behind the point";
    for (typed, why) in [
        ("nan", format!("nan is no number; {SHAPE}")),
        ("-inf", format!("-inf is no number; {SHAPE}")),
        ("\"\"", format!("\"\" is no number; {SHAPE}")),
        ("\"€ 0.21\"", format!("\"€ 0.21\" is no number; {SHAPE}")),
        ("\"0.2.1\"", format!("\"0.2.1\" is no number; {SHAPE}")),
        ("\".5\"", format!("\".5\" is no number; {SHAPE}")),
        ("\"1_\"", format!("\"1_\" is no number; {SHAPE}")),
        ("\"1e\"", format!("\"1e\" is no number; {SHAPE}")),
        ("\"0,2112\"", "\"0,2112\" has a comma; write a point, 0.2112".to_owned()),
        ("true", format!("true where a price belongs; {SHAPE}")),
        ("[0.2]", format!("a list where a price belongs; {SHAPE}")),
        ("2026-01-01", format!("2026-01-01 where a price belongs; {SHAPE}")),
        ("0.123456789", format!("0.123456789 {FINE}; write 0.12345679")),
        ("1e-9", format!("1e-9 {FINE}; write 0.00000000")),
        ("1e-99", format!("1e-99 {FINE}; round it")),
        ("0.1234567890123456789012", format!("0.1234567890123456789012 {FINE}; round it")),
        ("1e99", format!("1e99 {RANGE}")),
        ("\"1e99999999999999999999\"", format!("\"1e99999999999999999999\" is no number; {SHAPE}")),
        ("1000000.01", format!("1000000.01 {RANGE}")),
        ("-1000001", format!("-1000001 {RANGE}")),
        ("99999999999999999999999999", format!("99999999999999999999999999 {RANGE}")),
    ] {
        check(&with(&format!("import = {typed}")), &[&format!("FILE:7:1: contract[0].import: {why}")]);
    }
    for key in ["capacity", "capacity_minimum"] {
        let line = format!("FILE:7:1: contract[0].{key}: -1 is out of range; it can be from 0 to 1000000");
        check(&with(&format!("{key} = -1")), &[&line]);
    }
    let env = [("DSMRD_CONTRACT_0_IMPORT", "dear")];
    let error = try_load(&with(""), &env).expect_err("it loads");
    assert_eq!(
        error.problems,
        [format!("DSMRD_CONTRACT_0_IMPORT: contract[0].import: \"dear\" is no number; {SHAPE}")]
    );
}

/// In most of Europe a comma stands where TOML wants a point.
#[test]
fn a_decimal_comma_is_told() {
    let error = try_load(&with("import = 0,25"), &[]).expect_err("it loads");
    let expected = "/etc/dsmrd/dsmrd.toml:7:11: this is not TOML: unexpected key or value, expected newline, `#`; \
                    a number has a point where this has a comma";
    assert_eq!(error.problems, [expected]);
}

#[test]
fn percentages_and_currencies() {
    let vat = |typed: &str| with(&format!("dynamic = [\"import\"]\ndynamic_vat = {typed}"));
    const SHAPE: &str = "write a percentage in quotes, such as \"21%\"";
    for (typed, why) in [
        ("0.21", format!("0.21 where a percentage belongs; {SHAPE}")),
        ("21", format!("21 where a percentage belongs; {SHAPE}")),
        ("\"21\"", format!("\"21\" has no percent sign; {SHAPE}")),
        ("\"x%\"", format!("\"x%\" is no percentage; {SHAPE}")),
        ("\"1.234%\"", format!("\"1.234%\" is no percentage; {SHAPE}")),
        ("\"-1%\"", "\"-1%\" is out of range; it can be from 0% to 100%".to_owned()),
        ("\"100.01%\"", "\"100.01%\" is out of range; it can be from 0% to 100%".to_owned()),
    ] {
        check(&vat(typed), &[&format!("FILE:8:1: contract[0].dynamic_vat: {why}")]);
    }
    assert_eq!(load(&format!("{LEAST}[prices]\ncurrency = \"SEK\"\n")).settings.prices.currency, "SEK");
    for (typed, right) in [("sek", "SEK"), ("€", "EUR"), ("EURO", "EUR"), ("", "EUR"), ("kronor", "EUR")] {
        let line = format!(
            "FILE:5:1: prices.currency: \"{typed}\" is no currency's code; write three capitals such as \"{right}\""
        );
        check(&format!("{LEAST}[prices]\ncurrency = \"{typed}\"\n"), &[&line]);
    }
}

#[test]
fn prices_that_nobody_pays_are_warned_of() {
    warned(
        &with("import_t1 = 24.12"),
        &["FILE:7:1: contract[0].import_t1: 24.12 EUR a kWh is much; is it in hundredths? Then it is 0.2412"],
    );
    warned(
        &with("gas = 1.2\nfeed_in = -1100"),
        &["FILE:8:1: contract[0].feed_in: -1100 EUR a kWh is much; is it in hundredths? Then it is -11.00"],
    );
    warned(&with("import = 10\nfixed = 9.9\ngas = 12"), &[]);
    warned(
        &with("fixed = -250.5"),
        &["FILE:7:1: contract[0].fixed: -250.5 EUR a day is much; is it that of a month or a year?"],
    );
    warned(&format!("[prices]\ncurrency = \"HUF\"\n{}", with("import = 36.5")), &[]);
    warned(
        &with("import = 0.2\ncapacity_minimum = 5"),
        &["FILE:8:1: contract[0].capacity_minimum: without capacity no peak costs anything; it is ignored"],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever a price is, it is read, shown and read again to the last digit.
    #[test]
    fn prices_print_as_they_parse(mantissa in -100_000_000_i64..100_000_000, scale in 0..=8_u8, quoted in any::<bool>()) {
        let exact = Decimal::new(mantissa.into(), scale).expect("it fits");
        let text = if quoted { format!("\"{exact}\"") } else { exact.to_string() };
        let in_range = exact.cmp_value(Decimal::new(1_000_000, 0).expect("it fits")).is_le()
            && exact.cmp_value(Decimal::new(-1_000_000, 0).expect("it fits")).is_ge();
        prop_assert_eq!(try_load(&with(&format!("import = {text}")), &[]).is_ok(), in_range);
        if in_range {
            let loaded = load(&with(&format!("import = {text}")));
            prop_assert_eq!(loaded.settings.prices.contracts[0].import, Some(exact));
            let again = load(&sample::show(&loaded, Path::new(FILE), false));
            prop_assert_eq!(again.settings, loaded.settings);
        }
    }

    #[test]
    fn no_price_panics(text in "[-+]?[0-9_]{0,30}[.,]?[0-9_]{0,30}([eE][-+]?[0-9]{0,25})?%?") {
        let _ = try_load(&with(&format!("dynamic = [\"import\"]\nimport = \"{text}\"\ndynamic_vat = \"{text}\"\nend = \"{text}\"")), &[]);
    }
}
