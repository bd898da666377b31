//! Parquet, read back by the crate's own reader.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::{database, export, text};

fn written(database: &Path, arguments: &[&str]) -> SerializedFileReader<File> {
    let file = database.with_extension("parquet");
    text(export(
        database,
        &[&["--format", "parquet", "--output", file.to_str().unwrap()], arguments].concat(),
    ));
    SerializedFileReader::new(File::open(file).unwrap()).unwrap()
}

fn rows(reader: &SerializedFileReader<File>) -> Vec<Vec<Field>> {
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect()).collect()
}

fn names(reader: &SerializedFileReader<File>) -> Vec<String> {
    let schema = reader.metadata().file_metadata().schema_descr();
    schema.columns().iter().map(|column| column.name().to_owned()).collect()
}

#[test]
fn cells_have_types_and_are_what_the_meter_said() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let reader = written(&path, &[]);
    assert_eq!(
        names(&reader),
        [
            "time",
            "meter",
            "proof",
            "energy_import_t1",
            "power_import",
            "p1_version",
            "meter_id",
            "tariff",
            "message_text",
            "gas",
            "gas_time"
        ]
    );
    let text = |text: &str| Field::Str(text.to_owned());
    let all = |seconds: i64| {
        vec![
            Field::TimestampMillis(seconds * 1_000),
            text("home"),
            text("absent"),
            Field::Double(1234.567),
            Field::Double(1.193),
            text("42"),
            text("K8EG004"),
            text("0002"),
            text("Hi, \"yb"),
            Field::Double(473.789),
            Field::TimestampMillis(1_792_890_000_000),
        ]
    };
    let mut bare = vec![Field::Null; 11];
    bare[..3].clone_from_slice(&[Field::TimestampMillis(1_792_891_810_000), text("home"), text("absent")]);
    bare[4] = Field::Double(0.0);
    assert_eq!(rows(&reader), [all(1_792_888_200), all(1_792_891_800), bare]);
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let unit =
        |name: &str| metadata.iter().find(|pair| pair.key == name).and_then(|pair| pair.value.as_deref());
    assert_eq!(unit("unit.power_import"), Some("kW"));
    assert_eq!(unit("unit.gas"), Some("m3"));
}

#[test]
fn decimals_are_exact() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let reader = written(&path, &["--numbers", "decimal", "--fields", "energy_import_t1,gas"]);
    let digits: Vec<Vec<Option<(i64, i32)>>> = rows(&reader)
        .iter()
        .map(|row| {
            let digits = |field: &Field| match field {
                Field::Decimal(decimal) => {
                    assert_eq!(decimal.precision(), 18);
                    Some((i64::from_be_bytes(decimal.data().try_into().unwrap()), decimal.scale()))
                }
                Field::Null => None,
                other => panic!("{other:?}"),
            };
            row[3..].iter().map(digits).collect()
        })
        .collect();
    let full = vec![Some((1_234_567, 3)), Some((473_789, 3))];
    assert_eq!(digits, [full.clone(), full, vec![None, None]]);
}

#[test]
fn the_same_range_gives_the_same_bytes() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let bytes = || export(&path, &["--format", "parquet"]).stdout;
    assert!(bytes().starts_with(b"PAR1"));
    assert_eq!(bytes(), bytes());
    let refused = export(&path, &["--format", "parquet", "--gzip"]);
    assert!(!refused.status.success());
}

#[test]
fn spans_have_names_without_points() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let reader = written(&path, &["--resolution", "hour", "--fields", "power_import.mean,gas.last"]);
    assert_eq!(names(&reader), ["time", "end_utc", "meter", "equipment_id", "power_import_mean", "gas_last"]);
    let rows = rows(&reader);
    assert_eq!(rows[0][0], Field::TimestampMillis(1_792_886_400_000));
    assert_eq!(rows[0][4..], [Field::Double(1.193), Field::Double(473.789)]);
}

#[test]
fn nothing_in_range_is_a_file_without_rows() {
    let folder = crate::support::scratch();
    let path = database(folder.path());
    let reader = written(&path, &["--from", "2027-01-01"]);
    assert_eq!(rows(&reader), Vec::<Vec<Field>>::new());
    assert_eq!(names(&reader), ["time", "meter", "proof"]);
}
