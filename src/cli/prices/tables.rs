//! The tables of a command: which files, how to read them, and what is in them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;

use dsmrd::meter::Zone;
use dsmrd::p1::Decimal;
use dsmrd::prices::import::{self, MAX_BYTES};
use dsmrd::prices::{ImportFormat, PriceKind, PriceUnit, Slot, text};
use dsmrd::totals::QUARTER;

/// Above this a price is looked at again: that of a MWh may have been meant. In forints it is usual.
const DEAR: Decimal = match Decimal::from_parts(false, 10, 0) {
    Some(dear) => dear,
    None => Decimal::ZERO,
};

/// What the prices of a table are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A kWh by the market, taken or given.
    Electricity,
    /// A kWh that is given, where its price is another; it counts as it is, without markup and tax.
    ElectricityExport,
    /// A m³ of gas.
    Gas,
}

impl From<Kind> for PriceKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Electricity => Self::Electricity,
            Kind::ElectricityExport => Self::ElectricityExport,
            Kind::Gas => Self::Gas,
        }
    }
}

/// The quantity that a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unit {
    #[value(name = "kWh", alias = "kwh")]
    KiloWattHour,
    #[value(name = "MWh", alias = "mwh")]
    MegaWattHour,
    #[value(name = "m3")]
    CubicMetre,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma, semicolon or tab between columns, with a header.
    Csv,
    /// A list of objects, wherever it lies.
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Tables {
    /// The tables; - is the standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What the prices are of, where a row does not tell its kind itself.
    #[arg(long, value_enum, default_value = "electricity")]
    kind: Kind,
    /// The quantity that a price is for; as the table tells, and else kWh, or m3 of gas.
    #[arg(long, value_enum)]
    unit: Option<Unit>,
    /// How the tables are written; told by their first character by default.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The time zone of times without an offset, an IANA name such as Europe/Amsterdam.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

/// A table that was read.
pub(super) struct Table {
    name: String,
    /// Whether its unit was told on the command line.
    unit_is_told: bool,
    /// By kind and time.
    pub(super) slots: Vec<Slot>,
}

impl Tables {
    pub(super) fn timezone(&self) -> Option<&str> {
        self.timezone.as_deref()
    }

    /// Reads every table.
    pub(super) fn read(&self) -> anyhow::Result<Vec<Table>> {
        let kind = PriceKind::from(self.kind);
        let unit = match (self.unit, kind) {
            (None, _) => None,
            (Some(Unit::CubicMetre), PriceKind::Gas) => Some(PriceUnit::Unit),
            (Some(_), PriceKind::Gas) => bail!("--unit: gas is priced a m3; convert prices of a kWh to m3"),
            (Some(Unit::CubicMetre), _) => bail!("--unit: {kind} is priced a kWh or MWh; is it --kind gas?"),
            (Some(Unit::KiloWattHour), _) => Some(PriceUnit::Unit),
            (Some(Unit::MegaWattHour), _) => Some(PriceUnit::MegaWattHour),
        };
        let zone = self.timezone.as_deref().map(Zone::new).transpose().context("--timezone")?;
        let stdin = Path::new("-");
        if self.files.iter().filter(|path| *path == stdin).count() > 1 {
            bail!("the standard input can be read once; give - once");
        }
        let read = |path: &PathBuf| -> anyhow::Result<Table> {
            let name = if path == stdin { "standard input".to_owned() } else { path.display().to_string() };
            let bytes = match path == stdin {
                true => bounded(io::stdin().lock()),
                false => File::open(path).and_then(bounded),
            };
            let bytes = bytes.with_context(|| format!("cannot read {name}"))?;
            let format = match self.format {
                Some(Format::Csv) => ImportFormat::Csv,
                Some(Format::Json) => ImportFormat::Json,
                None => import::sniff(&bytes),
            };
            let slots = import::read(&bytes, format, kind, unit, zone.as_ref())
                .map_err(|error| anyhow!("{name}: {error}"))?;
            Ok(Table { name, unit_is_told: self.unit.is_some(), slots })
        };
        self.files.iter().map(read).collect()
    }
}

/// All bytes, or one more than may be, by which the reader knows.
fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Table {
    /// Whether a price may be one of a MWh, and nobody said that it is not.
    fn doubtful(&self, kind: PriceKind, price: Decimal) -> bool {
        kind != PriceKind::Gas && !self.unit_is_told && price.cmp_value(DEAR).is_gt()
    }

    /// Says what the table holds, kind by kind, and what one may not expect of it.
    pub(super) fn tell(&self, zone: &Zone) {
        for slots in self.slots.chunk_by(|one, next| one.kind == next.kind) {
            let (Some(first), Some(last)) = (slots.first(), slots.last()) else { continue };
            let lowest = slots.iter().map(|slot| slot.price).min_by(|a, b| a.cmp_value(*b));
            let highest = slots.iter().map(|slot| slot.price).max_by(|a, b| a.cmp_value(*b));
            say!(
                "{}: {} of {}, from {} to {}, {} to {}",
                self.name,
                plural(slots.len(), "price"),
                first.kind,
                text::time(first.start, zone),
                text::time(last.end, zone),
                lowest.unwrap_or_default(),
                highest.unwrap_or_default(),
            );
            if let Some(highest) = highest.filter(|price| self.doubtful(first.kind, *price)) {
                complain!(
                    "warning: {}: prices go up to {highest} a kWh; say --unit MWh if they are a MWh, --unit kWh if not",
                    self.name
                );
            }
            let gaps: Vec<_> = slots.windows(2).filter(|pair| pair[0].end < pair[1].start).collect();
            if let Some(gap) = gaps.first() {
                complain!(
                    "warning: {}: {} without prices, the first from {} to {}",
                    self.name,
                    plural(gaps.len(), "gap"),
                    text::time(gap[0].end, zone),
                    text::time(gap[1].start, zone)
                );
            }
            if slots.iter().any(|slot| slot.start % QUARTER != 0) {
                complain!(
                    "warning: {}: prices change within a quarter-hour; the one at its start counts for all of it",
                    self.name
                );
            }
        }
    }
}

fn plural(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}
