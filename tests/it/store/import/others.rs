//! Recorded telegrams, CSV files with a mapping, logs.

use std::io::Write;

use super::{import, readings, said, totals};
use dsmrd::meter::{Field, MbusClass};

fn telegram(second: u32) -> String {
    format!(
        "/KFM5KAIFA-METER\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0(2610250230{second:02}S)\r\n0-0:96.1.1(4B384547303034)\r\n\
         1-0:1.8.1(001234.5{second:02}*kWh)\r\n1-0:1.7.0(01.1{second:02}*kW)\r\n!\r\n"
    )
}

#[test]
fn telegrams_go_in_at_their_own_time_and_once() {
    let folder = crate::support::scratch();
    let (one, two) = (folder.path().join("one.txt"), folder.path().join("two.txt.gz"));
    let database = folder.path().join("dsmrd.sqlite");
    let of = |seconds: std::ops::Range<u32>| seconds.map(telegram).collect::<String>();
    std::fs::write(&one, of(0..20)).unwrap();
    let mut packed =
        flate2::write::GzEncoder::new(std::fs::File::create(&two).unwrap(), flate2::Compression::fast());
    packed.write_all(of(10..40).as_bytes()).unwrap();
    packed.finish().unwrap();
    let text = said(&import("telegrams", &database, &[], &[&one, &two]));
    assert!(text.contains("readings put in: 40") && text.contains("10 were there already"), "{text}");
    let found = readings(&database);
    assert_eq!(found.len(), 40);
    for (second, reading) in found.iter().enumerate() {
        assert_eq!(reading.time.unwrap().local.second as usize, second);
        assert_eq!(reading.number(Field::PowerImport).unwrap().mantissa(), 1_100 + second as i128);
    }
    let again = said(&import("telegrams", &database, &[], &[&two]));
    assert!(again.contains("readings put in: 0\n"), "{again}");
    assert_eq!(readings(&database), found);
}

#[test]
fn telegrams_without_a_time_want_a_start() {
    let folder = crate::support::scratch();
    let (file, database) = (folder.path().join("old.txt"), folder.path().join("dsmrd.sqlite"));
    let old = "/ISk5\\2ME382-1003\r\n\r\n0-0:96.1.1(4B414C37303035)\r\n1-0:1.8.1(12345.678*kWh)\r\n1-0:1.7.0(0000.98*kW)\r\n!\r\n";
    std::fs::write(&file, old.repeat(3)).unwrap();
    let refused = import("telegrams", &database, &[], &[&file]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--start"));
    said(&import("telegrams", &database, &["--start", "2019-06-01T12:00"], &[&file]));
    let seconds: Vec<i64> = readings(&database).iter().map(dsmrd::meter::Reading::utc_seconds).collect();
    assert_eq!(seconds, [1_559_383_200, 1_559_383_210, 1_559_383_220]);
}

#[test]
fn a_csv_file_with_commas_goes_in_by_its_mapping() {
    let folder = crate::support::scratch();
    let (file, map) = (folder.path().join("a.csv"), folder.path().join("map.toml"));
    let database = folder.path().join("dsmrd.sqlite");
    let csv = "exported by something\nTijd;Verbruik (Wh);Vermogen;Gas\n25-10-2026 01:30;1.234.567,0;0,512;10,5\n\
               25-10-2026 02:00;1.234.600,5;;10,5\n25-10-2026 02:30;1.234.700,0;;10,6\n25-10-2026 02:00;1.234.800,0;;10,6\n\
               never;1;2;3\n";
    std::fs::write(&file, csv).unwrap();
    let mapping = "delimiter = \";\"\ndecimal = \",\"\nskip = 1\n[time]\ncolumn = \"tijd\"\nformat = \"%d-%m-%Y %H:%M\"\n\
                   [[value]]\ncolumn = 2\nfield = \"energy_import_t1\"\nfactor = \"0.001\"\n\
                   [[value]]\ncolumn = \"Vermogen\"\nfield = \"power_import\"\n[[value]]\ncolumn = \"Gas\"\nfield = \"gas\"\n";
    std::fs::write(&map, mapping).unwrap();
    let more = ["--mapping", map.to_str().unwrap(), "--equipment", "E1"];
    let output = import("csv", &database, &more, &[&file]);
    let text = said(&output);
    assert!(text.contains("readings put in: 4"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("\"never\" is no time"));
    let found = readings(&database);
    // The hour that comes twice.
    let steps: Vec<i64> =
        found.windows(2).map(|pair| pair[1].utc_seconds() - pair[0].utc_seconds()).collect();
    assert_eq!(steps, [1_800, 1_800, 1_800]);
    assert_eq!(found[1].number(Field::EnergyImportT1).unwrap().to_string(), "1234.6005");
    assert_eq!(found[0].number(Field::PowerImport).unwrap().to_string(), "0.512");
    assert_eq!(found[3].mbus_of(MbusClass::Gas).unwrap().1.value.unwrap().value.to_string(), "10.6");
    let again = said(&import("csv", &database, &more, &[&file]));
    assert!(again.contains("readings put in: 0\n"), "{again}");
    let missing = mapping.replace("\"Vermogen\"", "\"Power\"");
    std::fs::write(&map, missing).unwrap();
    let refused = import("csv", &database, &more, &[&file]);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("there is no column \"Power\"; there are: Tijd")
    );
}

#[test]
fn what_a_csv_file_says_was_used_becomes_positions() {
    let folder = crate::support::scratch();
    let (file, map) = (folder.path().join("a.csv"), folder.path().join("map.toml"));
    let database = folder.path().join("dsmrd.sqlite");
    std::fs::write(&file, "day,kwh,gas\n2023-05-01,4.5,1.25\n2023-05-02,3.25,0.5\n").unwrap();
    let mapping = "[time]\ncolumn = \"day\"\n[[value]]\ncolumn = \"kwh\"\nfield = \"energy_import_t1\"\nusage = \"day\"\n\
                   [[value]]\ncolumn = \"gas\"\nfield = \"gas\"\nusage = \"day\"\n";
    std::fs::write(&map, mapping).unwrap();
    said(&import("csv", &database, &["--mapping", map.to_str().unwrap()], &[&file]));
    let csv = totals(&database, "day");
    assert!(csv.contains("2023-05-01T00:00:00+02:00,2023-05-02T00:00:00+02:00,4.500,4.500,1.250"), "{csv}");
    assert!(csv.contains("2023-05-02T00:00:00+02:00,2023-05-03T00:00:00+02:00,3.250,3.250,0.500"), "{csv}");
}

#[test]
fn homewizards_files_have_a_mapping() {
    let folder = crate::support::scratch();
    let (file, database) = (folder.path().join("a.csv"), folder.path().join("dsmrd.sqlite"));
    let head = "time,Import T1 kWh,Import T2 kWh,Export T1 kWh,Export T2 kWh,L1 max W,L2 max W,L3 max W\n";
    let rows = "2024-01-01 00:00,100.000,200.000,50.000,30.000,0,0,0\n2024-01-01 00:15,100.500,200.100,50.200,30.050,9,8,6\n";
    std::fs::write(&file, format!("{head}{rows}")).unwrap();
    said(&import("csv", &database, &["--mapping", "homewizard"], &[&file]));
    let found = readings(&database);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].number(Field::EnergyExportT2).unwrap().to_string(), "30.050");
}

#[test]
fn telegrams_come_out_of_logs() {
    let folder = crate::support::scratch();
    let bare: String = (0..6).map(telegram).collect();
    let stamped: String =
        bare.split_inclusive('\n').map(|line| format!("2026-10-23 18:00:00.123 {line}")).collect();
    // What DSMR-reader 1 to 4 wrote with DSMRREADER_LOG_TELEGRAMS.
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let packed = |bytes: &[u8]| -> String {
        let three = |part: &[u8]| {
            let bits = part.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
                << (8 * (3 - part.len()));
            let letter =
                |place| if place <= part.len() { letters[bits >> (18 - 6 * place) & 63] } else { '=' };
            [letter(0), letter(1), letter(2), letter(3)]
        };
        bytes.chunks(3).flat_map(three).collect()
    };
    let log: String = (0..6)
        .map(|second| {
            format!(
                "[2026-10-25 02:30:00,148] INFO @ services | Received telegram (base64 encoded): b'{}'\n[2026-10-25 \
                 02:30:01,004] INFO @ services | Something else\n",
                packed(telegram(second).as_bytes())
            )
        })
        .collect();
    let mut expected = None;
    for (name, text, said_of_it) in [
        ("bare", bare.clone(), ""),
        ("stamped", stamped.clone(), "a log with a time before each line"),
        ("unix", stamped.replace('\r', ""), "a log with a time before each line"),
        ("base64", log, "a log with telegrams in base64"),
    ] {
        let (file, database) = (folder.path().join(name), folder.path().join(name).with_extension("sqlite"));
        std::fs::write(&file, text).unwrap();
        let output = import("telegrams", &database, &[], &[&file]);
        let text = said(&output);
        assert!(text.contains("readings put in: 6") && text.contains(said_of_it), "{name}: {text}");
        let found = readings(&database);
        assert_eq!(expected.get_or_insert_with(|| found.clone()), &found, "{name}");
    }
}

#[test]
fn telegrams_that_are_damaged_are_counted_by_reason() {
    let folder = crate::support::scratch();
    let (file, database) = (folder.path().join("a.txt"), folder.path().join("dsmrd.sqlite"));
    let with_crc = telegram(3).replace("!\r\n", "!0000\r\n");
    let cut: String = telegram(4).split_inclusive('\n').take(4).collect();
    std::fs::write(&file, [telegram(1), with_crc, cut, telegram(5)].concat()).unwrap();
    let output = import("telegrams", &database, &[], &[&file]);
    assert!(said(&output).contains("readings put in: 2"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("2 telegrams could not be read; the first: "), "{told}");
    assert!(
        told.contains("  1 have a CRC that is not theirs\n") && told.contains("  1 break off\n"),
        "{told}"
    );
}

#[test]
fn a_table_with_one_column_for_all_is_read_by_what_another_says() {
    let folder = crate::support::scratch();
    let (file, map) = (folder.path().join("history.csv"), folder.path().join("map.toml"));
    let database = folder.path().join("dsmrd.sqlite");
    // As Home Assistant's history page exports it.
    let csv = "entity_id,state,last_changed\nsensor.t1,100.5,2026-03-01T10:00:00.123Z\nsensor.t1,unavailable,2026-03-01T10:30:00.000Z\n\
               sensor.t1,100.75,2026-03-01T11:00:00.000Z\n\nsensor.w,512,2026-03-01T10:00:00.500Z\nsensor.door,on,2026-03-01T10:00:00.500Z\n";
    std::fs::write(&file, csv).unwrap();
    let value = |entity: &str, field: &str, more: &str| {
        format!(
            "[[value]]\ncolumn = \"state\"\nfield = \"{field}\"\n{more}when = {{ column = \"entity_id\", equals = \"{entity}\" }}\n"
        )
    };
    let mapping = "[time]\ncolumn = \"last_changed\"\n".to_owned()
        + &value("sensor.t1", "energy_import_t1", "")
        + &value("sensor.w", "power_import", "factor = \"0.001\"\n");
    std::fs::write(&map, mapping).unwrap();
    let output = import("csv", &database, &["--mapping", map.to_str().unwrap()], &[&file]);
    assert!(said(&output).contains("readings put in: 3"), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("line 3: column 2 (state): \"unavailable\" is no number"), "{told}");
    let found = readings(&database);
    let power: Vec<String> =
        found.iter().filter_map(|reading| Some(reading.number(Field::PowerImport)?.to_string())).collect();
    assert_eq!(power, ["0.512"]);
    assert_eq!(found.last().unwrap().number(Field::EnergyImportT1).unwrap().to_string(), "100.75");
}

#[test]
fn readings_copied_out_of_dsmr_readers_database_are_those_of_its_dump() {
    let folder = crate::support::scratch();
    let (file, dump) = (folder.path().join("readings.csv"), folder.path().join("dump.sql"));
    let columns = "id,timestamp,electricity_delivered_1,electricity_returned_1,electricity_delivered_2,electricity_returned_2,\
                   electricity_currently_delivered,electricity_currently_returned,extra_device_timestamp,extra_device_delivered,\
                   processed,phase_currently_delivered_l1,phase_currently_delivered_l2,phase_currently_delivered_l3,\
                   phase_currently_returned_l1,phase_currently_returned_l2,phase_currently_returned_l3,phase_voltage_l1,\
                   phase_voltage_l2,phase_voltage_l3,phase_power_current_l1,phase_power_current_l2,phase_power_current_l3";
    let rows = [
        "1,2026-10-25 00:59:50+00,1.000,2.000,3.000,4.000,0.500,0.000,2026-10-25 00:55:00+00,10.125,t,0.5,,,0,,,230.1,,,2,,",
        "2,2026-10-25 01:00:00+00,1.001,2.000,3.000,4.000,0.250,0.000,,,t,0.25,,,0,,,229.9,,,1,,",
    ];
    std::fs::write(&file, format!("{columns}\n{}\n", rows.join("\n"))).unwrap();
    let row = |row: &str| {
        let values = row.split(',').map(|value| if value.is_empty() { "\\N" } else { value });
        values.collect::<Vec<_>>().join("\t") + "\n"
    };
    let copied: String = rows.iter().map(|text| row(text)).collect();
    let copy = format!(
        "COPY public.dsmr_datalogger_dsmrreading ({}) FROM stdin;\n{copied}\\.\n",
        columns.replace(',', ", ")
    );
    std::fs::write(&dump, copy).unwrap();
    let (one, two) = (folder.path().join("one.sqlite"), folder.path().join("two.sqlite"));
    said(&import("csv", &one, &["--mapping", "dsmr-reader"], &[&file]));
    said(&import("dsmr-reader", &two, &[], &[&dump]));
    let found = readings(&one);
    assert_eq!(found, readings(&two));
    assert_eq!(found[0].mbus_of(MbusClass::Gas).unwrap().1.time.unwrap().utc, Some(1_792_889_700));
}
