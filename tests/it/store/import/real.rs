//! The real dump, against what its own day table says.
//!
//! DSMR-reader's day is what its last record of the day and its first are apart. A record of electricity stands at the
//! end of its minute, with the positions of that minute's last reading; one of gas at its stamp, and a day of gas is the
//! sum of its hours, each what its last record and its first are apart. What lies between one of them and the next is
//! in no day. Ours go from midnight to midnight. So each difference is what lies in the gaps: to the digit.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use dsmrd::meter::{Field, MbusClass};
use dsmrd::totals::Step;

use super::{import, periods, readings, said};

/// The real dump: `DSMRD_DUMPS`, or `../shared/compat/dumps`. `None`, said aloud, where it is not.
fn dump() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/compat/dumps");
    #[expect(clippy::disallowed_methods, reason = "a test is told where the dumps are")]
    let folder = std::env::var_os("DSMRD_DUMPS").map_or(beside, PathBuf::from);
    let dump = folder.join("dsmr_reader_v5.11_dst_end.sql.gz");
    if dump.is_file() {
        return Some(dump);
    }
    eprintln!("skipped: no dump at {}; set DSMRD_DUMPS", dump.display());
    None
}

/// The rows of a table by the names of its columns, read without the program.
fn rows(text: &str, table: &str) -> Vec<BTreeMap<String, String>> {
    let head = format!("COPY public.{table} (");
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&head));
    let columns = lines.next().unwrap().strip_prefix(&head).unwrap().split(')').next().unwrap();
    let columns: Vec<&str> = columns.split(", ").map(|name| name.trim_matches('"')).collect();
    let row = |line: &str| {
        let values = line.split('\t').map(str::to_owned);
        columns.iter().map(|name| (*name).to_owned()).zip(values).collect()
    };
    lines.take_while(|line| *line != "\\.").map(row).collect()
}

fn seconds(text: &str) -> i64 {
    let text = text.replace(' ', "T") + ":00";
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn thousandths(text: &str) -> i128 {
    let (whole, rest) = text.split_once('.').unwrap();
    assert_eq!(rest.len(), 3);
    whole.parse::<i128>().unwrap() * 1_000 + rest.parse::<i128>().unwrap()
}

fn millionths(text: &str) -> i128 {
    let (whole, rest) = text.split_once('.').unwrap();
    assert_eq!(rest.len(), 6);
    whole.parse::<i128>().unwrap() * 1_000_000 + rest.parse::<i128>().unwrap()
}

/// Positions by time.
type Series = BTreeMap<i64, i128>;

fn series(rows: &[BTreeMap<String, String>], time: &str, value: &str) -> Series {
    rows.iter().map(|row| (seconds(&row[time]), thousandths(&row[value]))).collect()
}

fn at_or_before(series: &Series, time: i64) -> i128 {
    series.range(..=time).next_back().or_else(|| series.iter().next()).map(|(_, value)| *value).unwrap()
}

/// What the first and the last of a span are apart.
fn apart(series: &Series, from: i64, to: i64) -> i128 {
    let mut inside = series.range(from..to).map(|(_, value)| *value);
    let first = inside.next().unwrap_or_default();
    inside.next_back().unwrap_or(first) - first
}

#[test]
fn every_difference_from_its_day_table_lies_in_what_it_does_not_count() {
    let Some(path) = dump() else { return };
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let folder = crate::support::scratch();
    let database = folder.path().join("dsmrd.sqlite");
    let told = said(&import("dsmr-reader", &database, &[], &[&path]));
    assert!(told.contains("readings put in: 30240"), "{told}");

    let raw = rows(&text, "dsmr_datalogger_dsmrreading");
    let minutes = rows(&text, "dsmr_consumption_electricityconsumption");
    let stamps = series(&rows(&text, "dsmr_consumption_gasconsumption"), "read_at", "delivered");
    let days = rows(&text, "dsmr_stats_daystatistics");
    let prices = rows(&text, "dsmr_consumption_energysupplierprice");
    // Every reading is there as it was, at its second.
    let found = readings(&database);
    assert_eq!(found.len(), raw.len());
    let power = series(&raw, "timestamp", "electricity_currently_delivered");
    for reading in &found {
        let value = reading.number(Field::PowerImport).unwrap();
        assert_eq!((value.scale(), value.mantissa()), (3, power[&reading.utc_seconds()]));
    }
    // Ours from midnight to midnight, the day of 25 hours among them.
    let ours = periods(&database, Step::Day);
    let hours: Vec<i64> = ours.iter().map(|day| (day.end - day.start) / 3_600).collect();
    assert_eq!(hours, [24, 24, 25, 24, 24]);
    let columns = [
        ("electricity1", "electricity_delivered_1", "delivered_1", Field::EnergyImportT1),
        ("electricity2", "electricity_delivered_2", "delivered_2", Field::EnergyImportT2),
        ("electricity1_returned", "electricity_returned_1", "returned_1", Field::EnergyExportT1),
        ("electricity2_returned", "electricity_returned_2", "returned_2", Field::EnergyExportT2),
    ];
    let mut explained = 0;
    for (day, theirs) in ours.iter().zip(&days) {
        for (name, of_reading, of_minute, field) in columns {
            let (readings, records) =
                (series(&raw, "timestamp", of_reading), series(&minutes, "read_at", of_minute));
            let counted = thousandths(&theirs[name]);
            assert_eq!(counted, apart(&records, day.start, day.end), "{name}: their rule");
            // Before their first record of the day, and after their last.
            let first = *records.range(day.start..).next().unwrap().1;
            let last = *records.range(..day.end).next_back().unwrap().1;
            let before = first - at_or_before(&readings, day.start);
            let after = at_or_before(&readings, day.end) - last;
            let usage = day.usage.energy(field).unwrap().rescaled(3).unwrap().mantissa();
            assert_eq!(usage, counted + before + after, "{name} of {}", theirs["day"]);
            explained += i128::from(usage != counted);
        }
        // Gas: between the last record of an hour and the first of the next.
        let counted = thousandths(&theirs["gas"]);
        let starts = (day.start..day.end).step_by(3_600);
        assert_eq!(counted, starts.clone().map(|hour| apart(&stamps, hour, hour + 3_600)).sum::<i128>());
        let gaps: i128 = starts
            .filter(|hour| stamps.range(*hour..*hour + 3_600).next().is_some())
            .map(|hour| {
                let last = stamps.range(..hour + 3_600).next_back().unwrap().1;
                at_or_before(&stamps, hour + 3_600) - last
            })
            .sum();
        let usage = day.usage.device(MbusClass::Gas).unwrap().value.rescaled(3).unwrap().mantissa();
        assert_eq!(usage, counted + gaps, "gas of {}", theirs["day"]);
        explained += i128::from(usage != counted);
        // Its costs: cents of each tariff of what it counted, of all the gas of the day, and of the day itself.
        let contract = prices.iter().rfind(|price| price["start"] <= theirs["day"]).unwrap();
        let of = |price: &str, used: i128| used * millionths(&contract[price]);
        let tariff = |number: u8| {
            let taken = thousandths(&theirs[&format!("electricity{number}")]);
            let given = thousandths(&theirs[&format!("electricity{number}_returned")]);
            of(&format!("electricity_delivered_{number}_price"), taken)
                - of(&format!("electricity_returned_{number}_price"), given)
        };
        let parts = [tariff(1), tariff(2), of("gas_price", usage), of("fixed_daily_cost", 1_000)];
        let total: i128 = parts.iter().map(|part| (part + 5_000_000).div_euclid(10_000_000)).sum();
        assert_eq!(format!("{}.{:02}", total / 100, total % 100), theirs["total_cost"], "{}", theirs["day"]);
    }
    assert!(explained >= 8, "there are differences: {explained}");
    // Together they are what the registers are apart.
    let t1 = series(&raw, "timestamp", "electricity_delivered_1");
    let sum: i128 = ours
        .iter()
        .map(|day| day.usage.energy(Field::EnergyImportT1).unwrap().rescaled(3).unwrap().mantissa())
        .sum();
    assert_eq!(sum, t1.values().next_back().unwrap() - t1.values().next().unwrap());
}
