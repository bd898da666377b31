//! `dsmrd export`: stored readings as CSV or JSON, in order of time.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use dsmrd::config::{self, Settings};
use dsmrd::exit;
use dsmrd::meter::reading::{self, Cell};
use dsmrd::meter::{Field, Kind, MbusClass, MbusDevice, MbusReading, MeterTime, REGISTERS, Reading, Zone};
use dsmrd::store::{Archive, Range, Stored};

use super::{ConfigFile, Outcome};

/// The zone of a database that is read without a configuration.
pub(super) const DEFAULT_ZONE: &str = "Europe/Amsterdam";

/// How a reading is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Not before this: RFC 3339, or a date or date and time where the meter stands.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this; a date alone is its midnight.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Of this meter alone.
    #[arg(long, value_name = "NAME")]
    meter: Option<String>,
    /// Of the meter with this equipment identifier alone: a name in the configuration may have had several.
    #[arg(long, value_name = "ID")]
    equipment: Option<String>,
    /// How a reading is written.
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
    /// The database; the configuration is not read then.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// The time zone of dates and times, an IANA name; the meter's by default.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

/// Prints the stored readings in range. Exit 1 when some of them are damaged.
pub(super) fn run(args: &Args) -> Outcome {
    let fixed = args.timezone.as_deref();
    let zones = match &args.database {
        Some(path) => Zones::new(Some(path), None, fixed),
        None => Zones::new(None, Some(&config::load(&args.config.config)?.settings), fixed),
    };
    let zone = zones.of_meter(args.meter.as_deref())?;
    let instant = |name: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| instant(text, &zone).with_context(|| format!("--{name} {text}")))
            .transpose()
    };
    let range = Range {
        meter: args.meter.clone(),
        equipment_id: args.equipment.clone(),
        from: instant("from", &args.from)?,
        to: instant("to", &args.to)?,
    };
    match print(&zones, range, args.format) {
        Err(error) if is_broken_pipe(&error) => Ok(exit::OK),
        done => done,
    }
}

pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn print(zones: &Zones, range: Range, format: Format) -> Outcome {
    let archive = Archive::open(&zones.path)?;
    if let Some(name) = &range.meter {
        let known = archive.meters()?;
        if !known.contains(name) && !zones.meters.iter().any(|(configured, _)| configured == name) {
            let known = Vec::from_iter(known).join(", ");
            bail!(
                "{}: no readings of a meter named {name:?}; there are some of: {known}",
                zones.path.display()
            );
        }
    }
    if let Some(id) = &range.equipment_id {
        let everywhere = Range { meter: range.meter.clone(), ..Range::default() };
        let mut known: Vec<String> =
            archive.epochs(&everywhere)?.into_iter().filter_map(|epoch| epoch.equipment_id).collect();
        if !known.contains(id) {
            known.sort();
            known.dedup();
            bail!(
                "{}: no readings of equipment {id:?}; there are some of: {}",
                zones.path.display(),
                known.join(", ")
            );
        }
    }
    let epochs = archive.epochs(&range)?;
    let mut columns = Columns::of(&archive.columns(&range)?);
    // Epochs stand in the order of their meters.
    if epochs.windows(2).any(|pair| pair[0].meter == pair[1].meter) {
        columns.0.insert(0, ("equipment_id".to_owned(), Source::Equipment));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if format == Format::Csv {
        columns.header(&mut out)?;
    }
    let mut code = exit::OK;
    let mut zone: Option<(String, Zone)> = None;
    for stored in archive.readings(range)? {
        let stored = match stored {
            Ok(stored) => stored,
            Err(problem) => {
                complain!("dsmrd: {problem}");
                code = exit::FAILURE;
                continue;
            }
        };
        let (_, zone) = match zone.take() {
            Some(known) if known.0 == *stored.meter => zone.insert(known),
            _ => zone.insert((stored.meter.to_string(), zones.of_meter(Some(&stored.meter))?)),
        };
        let cells = columns.cells(&stored, zone);
        match format {
            Format::Csv => write_csv(&mut out, &cells)?,
            Format::Json => write_json(&mut out, &columns, &cells)?,
        }
    }
    out.flush()?;
    Ok(code)
}

/// Where the database lies, and where its meters stand.
pub(super) struct Zones {
    pub(super) path: PathBuf,
    meters: Vec<(String, String)>,
    fixed: Option<String>,
}

impl Zones {
    /// Of a database by itself, or that of a configuration; in the zones of the meters, or all in one.
    pub(super) fn new(database: Option<&Path>, settings: Option<&Settings>, fixed: Option<&str>) -> Self {
        let meters = settings.into_iter().flat_map(|settings| &settings.meters);
        let meters = meters.map(|meter| (meter.name.clone(), meter.source.zone_name().to_owned()));
        let configured = settings.map(|settings| settings.store.path.as_path());
        let path = database.or(configured).unwrap_or(Path::new("")).to_owned();
        Self { path, meters: meters.collect(), fixed: fixed.map(str::to_owned) }
    }

    /// The zone of a meter; of one that is not configured any more, and of none, that of the first.
    pub(super) fn of_meter(&self, meter: Option<&str>) -> anyhow::Result<Zone> {
        let named = self.meters.iter().find(|(name, _)| meter == Some(name)).or_else(|| self.meters.first());
        let configured = named.map_or(DEFAULT_ZONE, |(_, zone)| zone);
        Ok(Zone::new(self.fixed.as_deref().unwrap_or(configured))?)
    }
}

/// Seconds since 1970-01-01 00:00 UTC of what someone typed.
pub(super) fn instant(text: &str, zone: &Zone) -> anyhow::Result<i64> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.as_second());
    }
    let local = text
        .parse::<civil::DateTime>()
        .or_else(|_| text.parse::<civil::Date>().map(civil::Date::into))
        .map_err(|_| anyhow::anyhow!("write 2026-11-21, 2026-11-21T14:30 or 2026-11-21T14:30:00+01:00"))?;
    Ok(local.to_zoned(zone.time_zone().clone())?.timestamp().as_second())
}

/// What every reading has: its time as the meter shows it and in UTC, the meter, and how its telegram was proven.
const ALWAYS: [&str; 4] = ["time", "time_utc", "meter", "proof"];

/// One column behind those that every reading has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The equipment, where a meter had several.
    Equipment,
    Field(Field),
    PeakTime(Field),
    /// The device of a class with the newest reading.
    Class(MbusClass),
    ClassTime(MbusClass),
    ClassId(MbusClass),
    Channel(u8),
    ChannelTime(u8),
    ChannelId(u8),
}

/// The columns of an export.
struct Columns(Vec<(String, Source)>);

/// A cell: absent, a number, or text.
enum Value {
    Absent,
    Number(String),
    Text(String),
}

impl Columns {
    /// The columns that readings with these keys need.
    fn of(keys: &BTreeSet<String>) -> Self {
        let mut columns = Vec::new();
        for register in REGISTERS {
            let (field, name) = (register.field, register.name);
            if keys.contains(name) {
                columns.push((name.to_owned(), Source::Field(field)));
            }
            if keys.contains(&format!("{name}/time")) {
                columns.push((format!("{name}_time"), Source::PeakTime(field)));
            }
        }
        let named = |channel: u8| keys.contains(&format!("mbus/{channel}/id"));
        let mut classes: Vec<(MbusClass, u8)> = keys.iter().filter_map(|key| class_of(key)).collect();
        classes.sort();
        classes.dedup();
        for group in classes.chunk_by(|a, b| a.0 == b.0) {
            let class = group[0].0;
            let name = class.name();
            columns.push((name.to_owned(), Source::Class(class)));
            columns.push((format!("{name}_time"), Source::ClassTime(class)));
            // A device that was replaced is told by its identifier.
            if group.iter().any(|(_, channel)| named(*channel)) {
                columns.push((format!("{name}_id"), Source::ClassId(class)));
            }
            // Several of a class: each has columns of its own as well.
            for (_, channel) in group.iter().filter(|_| group.len() > 1) {
                columns.push((format!("{name}_{channel}"), Source::Channel(*channel)));
                columns.push((format!("{name}_{channel}_time"), Source::ChannelTime(*channel)));
                if named(*channel) {
                    columns.push((format!("{name}_{channel}_id"), Source::ChannelId(*channel)));
                }
            }
        }
        let channels = keys.iter().filter_map(|key| key.strip_prefix("mbus/")?.parse::<u8>().ok());
        for channel in channels.filter(|channel| classes.iter().all(|(_, known)| known != channel)) {
            columns.push((format!("mbus_{channel}"), Source::Channel(channel)));
            columns.push((format!("mbus_{channel}_time"), Source::ChannelTime(channel)));
            if named(channel) {
                columns.push((format!("mbus_{channel}_id"), Source::ChannelId(channel)));
            }
        }
        Self(columns)
    }

    fn header(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{}", ALWAYS.join(","))?;
        for (name, _) in &self.0 {
            write!(out, ",{name}")?;
        }
        write!(out, "\r\n")
    }

    fn cells(&self, stored: &Stored, zone: &Zone) -> Vec<Value> {
        let reading = &stored.reading;
        let mut cells = Vec::with_capacity(ALWAYS.len() + self.0.len());
        let seconds = reading.utc_seconds();
        cells.push(Value::Text(match reading.time {
            Some(time @ MeterTime { utc: Some(_), .. }) => meter_time(time),
            _ => at_offset(seconds, zone_offset(seconds, zone.time_zone())),
        }));
        cells.push(Value::Text(at_offset(seconds, None)));
        cells.push(Value::Text(stored.meter.to_string()));
        cells.push(Value::Text(reading.proof.name().to_owned()));
        cells.extend(self.0.iter().map(|(_, source)| match source {
            Source::Equipment => {
                stored.equipment_id.as_deref().map_or(Value::Absent, |id| Value::Text(id.to_owned()))
            }
            source => cell(*source, reading),
        }));
        cells
    }
}

/// The class and channel of a key `mbus/<channel>/type=<type>`.
fn class_of(key: &str) -> Option<(MbusClass, u8)> {
    let (channel, device_type) = key.strip_prefix("mbus/")?.split_once("/type=")?;
    Some((MbusClass::from_device_type(device_type.parse().ok()?)?, channel.parse().ok()?))
}

fn cell(source: Source, reading: &Reading) -> Value {
    let mbus_value = |found: Option<&MbusReading>| match found.and_then(|found| found.value) {
        Some(quantity) => Value::Number(quantity.value.to_string()),
        None => Value::Absent,
    };
    let mbus_time = |found: Option<&MbusReading>| match found.and_then(|found| found.time) {
        Some(time) => Value::Text(meter_time(time)),
        None => Value::Absent,
    };
    let of_channel =
        |channel| reading.mbus.iter().find(|device| device.channel == channel).and_then(|d| d.newest());
    let of_class = |class| reading.mbus_of(class).map(|(_, found)| found);
    let id_of = |device: Option<&MbusDevice>| match device.and_then(|device| device.id.as_deref()) {
        Some(id) => Value::Text(reading::readable(id)),
        None => Value::Absent,
    };
    match source {
        // The reading itself does not know what stood behind its name before.
        Source::Equipment => Value::Absent,
        Source::Field(field) => match reading.get(field) {
            Some(Cell::Number(quantity)) => Value::Number(quantity.value.to_string()),
            Some(Cell::Text(text)) => Value::Text(match field.register().kind {
                Kind::Id | Kind::Message => reading::readable(text),
                // All its groups, as they stood in the telegram.
                Kind::Profile => {
                    format!("({})", text.iter().map(|byte| char::from(*byte)).collect::<String>())
                }
                _ => text.iter().map(|byte| char::from(*byte)).collect(),
            }),
            None => Value::Absent,
        },
        Source::PeakTime(field) => reading
            .peak_times
            .iter()
            .find(|(other, _)| *other == field)
            .map_or(Value::Absent, |(_, time)| Value::Text(meter_time(*time))),
        Source::Class(class) => mbus_value(of_class(class)),
        Source::ClassTime(class) => mbus_time(of_class(class)),
        Source::Channel(channel) => mbus_value(of_channel(channel)),
        Source::ChannelTime(channel) => mbus_time(of_channel(channel)),
        Source::ClassId(class) => id_of(reading.mbus_of(class).map(|(device, _)| device)),
        Source::ChannelId(channel) => id_of(reading.mbus.iter().find(|device| device.channel == channel)),
    }
}

/// A time of the meter with its own offset; without one where the meter does not tell.
fn meter_time(time: MeterTime) -> String {
    let local = time.local;
    match time.utc {
        Some(utc) => {
            let offset = i32::try_from(local.seconds_as_utc() - utc).ok();
            at_offset(utc, offset.and_then(|offset| Offset::from_seconds(offset).ok()))
        }
        None => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            local.year, local.month, local.day, local.hour, local.minute, local.second
        ),
    }
}

fn zone_offset(seconds: i64, zone: &TimeZone) -> Option<Offset> {
    Some(zone.to_offset(jiff::Timestamp::from_second(seconds).ok()?))
}

/// ISO 8601 with the offset, or with `Z` for none.
fn at_offset(seconds: i64, offset: Option<Offset>) -> String {
    let instant = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    match offset {
        Some(offset) => instant.display_with_offset(offset).to_string(),
        None => instant.to_string(),
    }
}

fn write_csv(out: &mut impl Write, cells: &[Value]) -> io::Result<()> {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            write!(out, ",")?;
        }
        match cell {
            Value::Absent => {}
            Value::Number(number) => write!(out, "{number}")?,
            Value::Text(text) if text.contains(['"', ',', '\r', '\n']) => {
                write!(out, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Value::Text(text) => write!(out, "{text}")?,
        }
    }
    write!(out, "\r\n")
}

/// Numbers are written digit by digit: no float comes between the meter and the file.
fn write_json(out: &mut impl Write, columns: &Columns, cells: &[Value]) -> io::Result<()> {
    let names = ALWAYS.into_iter().chain(columns.0.iter().map(|(name, _)| name.as_str()));
    let mut separator = '{';
    for (name, cell) in names.zip(cells) {
        let value = match cell {
            Value::Absent => continue,
            Value::Number(number) => number.clone(),
            Value::Text(text) => serde_json::to_string(text)?,
        };
        write!(out, "{separator}\"{name}\":{value}")?;
        separator = ',';
    }
    writeln!(out, "}}")
}
