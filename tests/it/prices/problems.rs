//! What is no table: each problem tells where it lies, what is wrong and what to do.

use dsmrd::prices::import::{MAX_BYTES, read};
use dsmrd::prices::{ImportFormat, PriceKind, PriceUnit};

use super::electricity;

#[track_caller]
fn check(format: ImportFormat, text: &str, expected: &str) {
    let error = electricity(text, format).map_err(|error| error.to_string()).expect_err(text);
    assert_eq!(error, expected, "of {text}");
}

#[track_caller]
fn csv(text: &str, expected: &str) {
    check(ImportFormat::Csv, text, expected);
}

#[track_caller]
fn json(text: &str, expected: &str) {
    check(ImportFormat::Json, text, expected);
}

#[test]
fn of_csv() {
    csv("", "the table: it is empty");
    csv("start,price\n", "the table: there are no prices in it");
    csv(
        "when,price\n",
        "line 1: no column tells when a price begins; name it \"start\"; there are \"when\", \"price\"",
    );
    csv(
        "\n2026-01-31T11:00Z,0.1\n",
        "line 2: no column tells when a price begins; name it \"start\"; there are \"2026-01-31T11:00Z\", \"0.1\"",
    );
    csv(
        "start,cost\n2026-01-31T11:00Z,0.1\n",
        "line 1: no column tells the price; name it \"price\"; there are \"start\", \"cost\"",
    );
    csv(
        "start,import price,export price\n",
        "line 1: \"import price\" and \"export price\" may both be the price; name the one that counts \"price\"",
    );
    csv("start,price\n2026-01-31T11:00Z,0.1 EUR\n", "line 2: price: \"0.1 EUR\" is not a number");
    csv(
        "start,price\n2026-01-31T11:00Z,0,1\n",
        "line 2: it has 3 fields and the header has 2; a decimal comma needs semicolons between the fields",
    );
    csv(
        "start,price\n2026-01-31T11:00Z,\"0,1\"\n",
        "line 2: price: \"0,1\" has a comma; here digits behind the point stand behind a point",
    );
    csv(
        "start;price\n2026-01-31T11:00Z;1.000,5\n",
        "line 2: price: \"1.000,5\" has a point and a comma; write it without thousands separators",
    );
    csv("start,price\n2026-01-31T11:00Z\n", "line 2: it has 1 fields and the header has 2; is it cut off?");
    csv("start,price\n\"2026-01-31T11:00Z,0.1\n", "line 2: a quote is opened and never closed");
    csv("start,price\n\"2026-01-31T11:00Z\"x,0.1\n", "line 2: text stands behind a closing quote");
    csv(
        "start,price\nnoon,0.1\n",
        "line 2: \"noon\" is not a time; write it as 2026-01-31T14:00+01:00, or as seconds or milliseconds since 1970",
    );
    csv("start,end,price\n2026-01-31T11:00Z,2026-01-31T11:00Z,1\n", "line 2: its end is not after its start");
    csv(
        "start,price\n2026-01-31T11:00Z,1\n2026-01-31T12:00+01:00,2\n",
        "line 3: it has another price or end than line 2 for the same time; leave one",
    );
    csv(
        "start,end,price\n2026-01-31T11:30Z,2026-01-31T13:00Z,2\n2026-01-31T11:00Z,2026-01-31T12:00Z,1\n",
        "line 2: it overlaps with line 3; leave one",
    );
    csv(
        "start,end,price\n2026-01-31T11:00Z,2026-01-31T15:00Z,2\n2026-01-31T12:00Z,2026-01-31T13:00Z,\n\
         2026-01-31T13:00Z,2026-01-31T14:00Z,1\n",
        "line 4: it overlaps with line 2; leave one",
    );
    csv(
        "kind,start,price\nsteam,2026-01-31T11:00Z,1\n",
        "line 2: \"steam\" is no kind of price; there are electricity, electricity-export, gas",
    );
    let wide = format!("a{}\n", ",b".repeat(1_000));
    csv(&wide, "line 1: it has more than 1000 fields");
    let some = format!("start{}\n", ",b".repeat(13));
    let b = ["\"b\""; 11].join(", ");
    csv(
        &some,
        &format!("line 1: no column tells the price; name it \"price\"; there are \"start\", {b} and 2 more"),
    );
    csv("start,price\n2026-01-31T11:00Z,2000000\n", "line 2: price: \"2000000\" is too large for a price");
}

#[test]
fn of_json() {
    let nothing = "the table: nothing in it has a time and a price; times are under \"start\" (or from, timestamp and so \
                   on), prices under \"price\" (or value, total and so on)";
    json("[]", nothing);
    json("{}", nothing);
    json("12", nothing);
    json(r#"{"prices":[0.1,0.2]}"#, nothing);
    json(
        "[{\"start\":1769857200,\n\"price\":}]",
        "line 2: this is not JSON, from column 9: expected value at line 2 column 9",
    );
    json(r#"{"data":[{"start":1769857200,"price":true}]}"#, "data[0]: price: \"true\" is not a number");
    json(
        r#"{"data":[{"start":1769857200,"price":1},{"start":1769860800}]}"#,
        "data[1]: it has no time or no price, which the first of the list has",
    );
    json(r#"[{"start":1769857200,"price":1},7]"#, "[1]: this is no object");
    json(
        r#"[{"start":"now","price":1}]"#,
        "[0]: \"now\" is not a time; write it as 2026-01-31T14:00+01:00, or as seconds or milliseconds since 1970",
    );
    json(
        r#"[{"start":1769857200,"price":{"NL":1,"BE":2}}]"#,
        "[0]: there are prices of several areas (\"BE\", \"NL\"); leave the one that counts",
    );
    json(r#"{"time":[1769857200],"price":[1,2]}"#, "the object: it has 1 times and 2 prices");
    json(r#"{"1769857200":"much"}"#, "1769857200: price: \"much\" is not a number");
    json(
        r#"{"gas":[{"start":1769857200,"price":1}]}"#,
        "the table: it has prices under \"gas\" alone, which are not of electricity; is this the kind to import?",
    );
    let deep = format!("{{\"{0}\":[{{\"start\":1,\"price\":1}}]}}", "x".repeat(500));
    let times = "is not a time; write it as 2026-01-31T14:00+01:00, or as seconds or milliseconds since 1970";
    json(&deep, &format!("{}…: \"1\" {times}", "x".repeat(120)));
    json(r#"[{"start":1769857200,"price":null}]"#, "the table: there are no prices in it");
}

#[test]
fn of_units() {
    let text = "start,price (EUR/MWh)\n2026-01-31T11:00Z,92.13\n";
    let problem = |kind, unit: Option<PriceUnit>| {
        read(text.as_bytes(), ImportFormat::Csv, kind, unit, None).expect_err("another unit").to_string()
    };
    assert_eq!(
        problem(PriceKind::Electricity, Some(PriceUnit::Unit)),
        "line 2: the table says that its prices are a MWh, not a kWh; set the unit to MWh"
    );
    assert_eq!(
        problem(PriceKind::Gas, None),
        "line 2: gas is priced a m³, and how many kWh one holds differs by day and place; convert the prices to m³"
    );
}

#[test]
fn of_bytes() {
    let read = |bytes: &[u8]| read(bytes, ImportFormat::Csv, PriceKind::Electricity, None, None);
    let problem = |bytes: &[u8]| read(bytes).expect_err("no table").to_string();
    assert_eq!(problem(b"start,price\n\xff"), "line 2: this is not UTF-8 text; save the table as UTF-8");
    assert_eq!(
        problem(&vec![b' '; MAX_BYTES + 1]),
        "the table: it is larger than 16 MiB; import it in parts"
    );
    assert_eq!(
        problem(b"start,price\n2026-01-31 12:00,1\n"),
        "line 2: the time \"2026-01-31 12:00\" has no offset; write it as in 2026-01-31T14:00+01:00, or tell the time \
         zone of the table (--timezone)"
    );
}

#[test]
fn of_too_many_rows() {
    let rows = |count: usize| {
        let times = (0..count).map(|row| format!("{},1\n", 1_000_000_000 + row));
        format!("start,price\n{}", times.collect::<String>())
    };
    let most = dsmrd::prices::import::MAX_SLOTS;
    csv(
        &rows(most + 1),
        &format!("line {}: there are more than {most} rows; import them in parts", most + 2),
    );
}
