//! What a topic of the totals is of, and its name.

use crate::meter::{Field, MbusClass};

/// A running period with topics of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// The day.
    Today,
    /// The month.
    Month,
    /// The year.
    Year,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Today, Self::Month, Self::Year];

    /// Its level in topics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// One topic of the totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table of topics says what each is")]
pub enum Item {
    Start(Span),
    Json(Span),
    Energy(Span, Field),
    Device(Span, MbusClass),
    QuarterStart,
    QuarterImport,
    QuarterExport,
    QuarterAverage,
    QuarterForecast,
    LastAverage,
    LastStart,
    PeakMonth,
    PeakTime,
    PeakMean,
    PeakMonths,
    Rate,
    Cost(Span),
    /// Of today, as all that follow.
    CostImport,
    CostExport,
    CostRegister(Field),
    CostDevice(MbusClass),
    /// In the JSON alone, as the next two.
    FeedIn,
    Fixed,
    Capacity,
    PriceImport,
    PriceExport,
    PriceDevice(MbusClass),
    PriceSource,
    Currency,
}

impl Item {
    /// The topic below the meter's.
    pub fn name(self) -> String {
        match self {
            Self::Start(span) | Self::Json(span) | Self::Energy(span, _) | Self::Device(span, _) => {
                format!("{}/{}", span.name(), self.leaf())
            }
            Self::CostImport | Self::CostExport | Self::CostRegister(_) | Self::CostDevice(_) => {
                format!("cost/today_{}", self.cost_key())
            }
            Self::PriceDevice(class) => format!("cost/price_{}", class.name()),
            _ => self.leaf().to_owned(),
        }
    }

    /// Its last level, or all of it where nothing in it varies. It is the key in the JSON of a period as well.
    pub fn leaf(self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Json(_) => "json",
            Self::Energy(_, field) => energy(field),
            Self::Device(_, class) | Self::CostDevice(class) | Self::PriceDevice(class) => class.name(),
            Self::QuarterStart => "quarter/start",
            Self::QuarterImport => "quarter/energy_import",
            Self::QuarterExport => "quarter/energy_export",
            Self::QuarterAverage => "quarter/average",
            Self::QuarterForecast => "quarter/forecast",
            Self::LastAverage => "quarter/last_average",
            Self::LastStart => "quarter/last_start",
            Self::PeakMonth => "peak/month",
            Self::PeakTime => "peak/month_time",
            Self::PeakMean => "peak/mean_12_months",
            Self::PeakMonths => "peak/months",
            Self::Rate => "cost/now",
            Self::Cost(Span::Today) => "cost/today",
            Self::Cost(Span::Month) => "cost/month",
            Self::Cost(Span::Year) => "cost/year",
            Self::PriceImport => "cost/price_import",
            Self::PriceExport => "cost/price_export",
            Self::PriceSource => "cost/price_source",
            Self::Currency => "cost/currency",
            Self::CostImport | Self::CostExport | Self::CostRegister(_) => self.cost_key(),
            Self::FeedIn | Self::Fixed | Self::Capacity => self.cost_key(),
        }
    }

    /// The key of a line of the bill in the JSON of a period.
    pub fn cost_key(self) -> &'static str {
        match self {
            Self::CostImport => "import",
            Self::CostExport => "export",
            Self::CostRegister(field) => field.name().trim_start_matches("energy_"),
            Self::CostDevice(class) => class.name(),
            Self::FeedIn => "feed_in",
            Self::Fixed => "fixed",
            Self::Capacity => "capacity",
            _ => "total",
        }
    }
}

/// The name of an energy register in a period: of `energy_import_total` what is left is `energy_import`, since it is
/// no position but what was added.
fn energy(field: Field) -> &'static str {
    match field {
        Field::EnergyImportTotal => "energy_import",
        Field::EnergyExportTotal => "energy_export",
        field => field.name(),
    }
}
