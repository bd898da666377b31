//! Dumps that are odd, made of the small one: broken off, wrapped up, of other databases, with clocks gone wild.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::{dsmrd, fixture, import, readings, said};

/// Imports bytes into a record of their own; tells the record as well.
fn take(folder: &Path, name: &str, bytes: &[u8]) -> (Output, PathBuf) {
    let (file, database) = (folder.join(name), folder.join(name).with_extension("sqlite"));
    std::fs::write(&file, bytes).unwrap();
    (import("dsmr-reader", &database, &[], &[&file]), database)
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn small() -> String {
    std::fs::read_to_string(fixture("v4.sql")).unwrap()
}

#[test]
fn a_dump_that_breaks_off_between_tables_is_told() {
    let folder = crate::support::scratch();
    let whole = small();
    let place = whole.find("COPY public.dsmr_stats_daystatistics").unwrap();
    let (output, database) = take(folder.path(), "cut", &whole.as_bytes()[..place]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("breaks off before the end of the dump"), "{output:?}");
    assert_eq!(readings(&database).len(), 10, "what is whole goes in");
    // Tables that someone copied out have neither a heading nor an end.
    let from = whole.find("COPY public.dsmr_datalogger_dsmrreading").unwrap();
    let (output, database) = take(folder.path(), "piece", &whole.as_bytes()[from..place]);
    said(&output);
    assert_eq!(readings(&database).len(), 4);
}

#[test]
fn what_stands_behind_the_end_of_a_dump_is_no_loss() {
    let folder = crate::support::scratch();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(small().as_bytes()).unwrap();
    let mut packed = encoder.finish().unwrap();
    packed.extend_from_slice(&[0; 512]);
    let (output, database) = take(folder.path(), "padded", &packed);
    said(&output);
    assert!(complaint(&output).contains("behind the end of the dump is something else"), "{output:?}");
    assert_eq!(readings(&database).len(), 10);
}

#[test]
fn line_ends_marks_schemas_and_clusters_change_nothing() {
    let folder = crate::support::scratch();
    let whole = small();
    let cluster = format!(
        "--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE dsmrreader;\n\\connect dsmrreader\n\n{whole}\n\\connect \
         postgres\n\n--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n"
    );
    let offsets = whole.replace("2019-06-04 14:00:10+00", "2019-06-04 16:00:10.000000+02");
    let cases = [
        ("crlf", whole.replace('\n', "\r\n")),
        ("mark", format!("\u{feff}{whole}")),
        ("schema", whole.replace("COPY public.dsmr", "COPY \"dsmr\".dsmr")),
        ("cluster", cluster),
        ("offsets", offsets),
    ];
    let (output, database) = take(folder.path(), "plain", whole.as_bytes());
    said(&output);
    let expected = readings(&database);
    for (name, text) in cases {
        let (output, database) = take(folder.path(), name, text.as_bytes());
        said(&output);
        assert_eq!(complaint(&output), "", "{name}");
        assert_eq!(readings(&database), expected, "{name}");
    }
}

#[test]
fn files_of_other_hands_are_refused_with_advice() {
    let folder = crate::support::scratch();
    let utf16: Vec<u8> = "\u{feff}--\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let other = "--\n-- PostgreSQL database dump\n--\nCOPY public.states (id) FROM stdin;\n1\n\\.\n\n--\n-- PostgreSQL \
                 database dump complete\n--\n";
    let cases: [(&[u8], &str); 6] = [
        (&utf16, "iconv -f UTF-16 -t UTF-8"),
        (b"\x28\xb5\x2f\xfd\x04", "unpack it first: zstd -dc"),
        (b"\xfd7zXZ\0\0", "unpack it first: xz -dc"),
        (b"\x04\x22\x4d\x18", "unpack it first: lz4 -dc"),
        (b"-- MySQL dump 10.13\n", "without any table of DSMR-reader"),
        (other.as_bytes(), "without any table of DSMR-reader"),
    ];
    for (bytes, expected) in cases {
        let (output, database) = take(folder.path(), "other", bytes);
        assert!(!output.status.success() && complaint(&output).contains(expected), "{output:?}");
        assert!(!database.exists());
    }
    let dump = folder.path().join("directory");
    std::fs::create_dir(&dump).unwrap();
    std::fs::write(dump.join("toc.dat"), "PGDMP").unwrap();
    let output = import("dsmr-reader", &folder.path().join("none.sqlite"), &[], &[&dump]);
    assert!(!output.status.success() && complaint(&output).contains("pg_restore --no-owner"), "{output:?}");
}

/// The small dump as `mysqldump` writes it: values in rows, backslashes in strings, times in UTC without saying so.
fn of_mysql(whole: &str, rows_by_line: bool) -> String {
    let head = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11\n--\n";
    let mut text = head.to_owned();
    let mut lines = whole.lines();
    while let Some(line) = lines.next() {
        let Some((name, columns)) = line.strip_prefix("COPY public.").and_then(|rest| rest.split_once(" ("))
        else {
            continue;
        };
        let columns = columns.split_once(')').unwrap().0.replace('"', "");
        text += &format!("DROP TABLE IF EXISTS `{name}`;\nCREATE TABLE `{name}` (\n");
        for column in columns.split(", ") {
            text += &format!("  `{column}` longtext DEFAULT NULL,\n");
        }
        text += &format!(
            "  PRIMARY KEY (`id`),\n  KEY `{name}_x` (`id`)\n) ENGINE=InnoDB;\nLOCK TABLES `{name}` WRITE;\n"
        );
        let rows: Vec<String> = lines.by_ref().take_while(|line| *line != "\\.").map(row_of_mysql).collect();
        if !rows.is_empty() {
            let between = if rows_by_line { ("\n", ",\n") } else { (" ", ",") };
            text += &format!("INSERT INTO `{name}` VALUES{}{};\n", between.0, rows.join(between.1));
        }
        text += "UNLOCK TABLES;\n";
    }
    text + "-- Dump completed on 2026-10-27  7:00:00\n"
}

fn row_of_mysql(row: &str) -> String {
    let value = |value: &str| {
        let flag = match value {
            "\\N" => return "NULL".to_owned(),
            "t" => Some("1"),
            "f" => Some("0"),
            _ => None,
        };
        let value = flag.map_or_else(|| value.to_owned(), str::to_owned);
        let value = match value.strip_suffix("+00") {
            Some(time) => format!("{time}.000000"),
            None => value,
        };
        // COPY's own escapes mean the same in MySQL.
        format!("'{}'", value.replace('\'', "\\'"))
    };
    format!("({})", row.split('\t').map(value).collect::<Vec<_>>().join(","))
}

#[test]
fn dumps_of_mysql_and_mariadb_are_read_as_well() {
    let folder = crate::support::scratch();
    let whole = small();
    let (output, database) = take(folder.path(), "plain", whole.as_bytes());
    let said_of_it = said(&output);
    let notes = |database: &Path| said(&dsmrd(&["notes", "--database", database.to_str().unwrap()], &[]));
    let expected = (readings(&database), super::totals(&database, "hour"), notes(&database));
    for (name, by_line) in [("mysql", false), ("mariadb", true)] {
        let text = of_mysql(&whole, by_line);
        let (output, database) = take(folder.path(), name, text.as_bytes());
        assert_eq!(said(&output).replace(name, "plain"), said_of_it);
        assert_eq!(complaint(&output), "");
        let found = (readings(&database), super::totals(&database, "hour"), notes(&database));
        assert_eq!(found, expected, "{name}");
        // One that breaks off is told.
        let cut = text.rfind("INSERT").unwrap();
        let (output, _) = take(folder.path(), &format!("{name}-cut"), &text.as_bytes()[..cut]);
        assert!(complaint(&output).contains("breaks off before the end"), "{output:?}");
    }
}

#[test]
fn a_note_of_another_encoding_is_kept() {
    let folder = crate::support::scratch();
    let mut bytes = small().into_bytes();
    let place = bytes.windows(5).position(|part| part == b"Party").unwrap();
    bytes[place + 1] = 0xe9;
    let (output, database) = take(folder.path(), "latin", &bytes);
    said(&output);
    let notes = said(&dsmrd(&["notes", "--database", database.to_str().unwrap()], &[]));
    assert!(notes.contains("P\u{e9}rty"), "{notes}");
}

#[test]
fn clocks_gone_wild_and_what_is_no_number_stay_out() {
    let folder = crate::support::scratch();
    let whole = small()
        .replace("2\t2019-06-04 14:00:10+00", "2\t2219-06-04 14:00:10+00")
        .replace("9\t2019-06-04 15:00:00+00\t1010.000", "9\t2019-06-04 15:00:00+00\tNaN");
    let (output, database) = take(folder.path(), "wild", whole.as_bytes());
    let text = said(&output);
    assert!(complaint(&output).contains("1 row could not be read"), "{output:?}");
    assert!(text.contains("1 values are no numbers"), "{text}");
    let found = readings(&database);
    assert_eq!(found.len(), 9);
    assert!(found.iter().all(|reading| reading.utc_seconds() < 1_600_000_000));
}

#[test]
fn older_days_are_asked_for_like_readings() {
    let folder = crate::support::scratch();
    let whole = small();
    let place = whole.find("COPY public.dsmr_stats_daystatistics").unwrap();
    let days = format!("-- PostgreSQL database dump\n{}", &whole[place..]);
    for (name, text) in [("both", whole.as_str()), ("days", &days)] {
        let (output, database) = take(folder.path(), name, text.as_bytes());
        said(&output);
        let database = database.to_str().unwrap();
        let range = ["--from", "2019-06-01", "--to", "2019-06-03", "--resolution", "day", "--format", "csv"];
        let asked =
            [&["query", "--database", database, "--timezone", "Europe/Amsterdam"], &range[..]].concat();
        let text = said(&dsmrd(&asked, &[]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{name}: {text}");
        assert!(lines[0].contains("energy_import_t1.delta") && lines[0].contains("gas.delta"), "{text}");
        assert!(lines[1].contains(",1.200,3.400,") && lines[2].contains(",5.000,0.000,"), "{text}");
    }
}
