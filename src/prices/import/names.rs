//! The names under which tables tell times and prices.
//!
//! What is compared is a name without what stands in brackets, in lower case, letters and digits alone: `Start Time`,
//! `start_time` and `startTime [UTC]` are one. Of several that a table has, the one that stands first here counts.

/// When a price begins.
const START: &[&str] = &[
    "start",
    "starttime",
    "startsat",
    "startat",
    "starttimestamp",
    "startdatetime",
    "from",
    "validfrom",
    "fromtime",
    "deliverystart",
    "periodstart",
    "intervalstart",
    "timestart",
    "begin",
    "begintime",
    "van",
    "vanaf",
    "von",
    "datumvon",
    "beginn",
    "anfang",
    "datetimeutc",
    "datumutc",
    "timestamputc",
    "timeutc",
    "utc",
    "timestamp",
    "datetime",
    "readingdate",
    "hourutc",
    "hourstart",
    "time",
    "tijd",
    "tijdstip",
    "zeit",
    "zeitpunkt",
    "zeitstempel",
    "mtu",
    "unixseconds",
    "unixtime",
    "epoch",
    "ts",
    "t",
    "fromdate",
    "startdate",
    "date",
    "datum",
    "datumnl",
    "hour",
];

/// When it ends.
const END: &[&str] = &[
    "end",
    "endtime",
    "endsat",
    "endat",
    "endtimestamp",
    "enddatetime",
    "to",
    "till",
    "until",
    "validto",
    "validuntil",
    "totime",
    "deliveryend",
    "periodend",
    "intervalend",
    "timeend",
    "tot",
    "eind",
    "einde",
    "bis",
    "datumbis",
    "ende",
    "tilldate",
    "todate",
    "enddate",
];

/// What it is. `total` stands before its parts.
const PRICE: &[&str] = &[
    "price",
    "total",
    "value",
    "marketprice",
    "dayaheadprice",
    "spotprice",
    "energyprice",
    "priceamount",
    "unitprice",
    "totalprice",
    "amount",
    "prijs",
    "preis",
    "marktpreis",
    "tarief",
    "tarif",
    "tariff",
    "rate",
    "entryperarea",
    "energy",
    "p",
    "v",
];

/// What it is of.
const KIND: &[&str] = &["kind"];

/// In what unit.
const UNIT: &[&str] = &["unit", "priceunit", "perunit", "uom", "einheit", "eenheid"];

/// A day and a time of day in two columns.
const DAY: &[&str] = &["date", "datum", "day", "dag", "tag"];
const CLOCK: &[&str] = &["time", "tijd", "uhrzeit", "zeit", "hour", "uur", "starttime", "begintime"];

/// Parts of names that speak of prices, where no whole name does.
const PRICE_PARTS: &[&str] = &["price", "prijs", "preis", "tarief"];

/// A name as it is compared.
pub(super) fn plain(name: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::new();
    for c in name.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            c if depth == 0 && c.is_alphanumeric() => plain.extend(c.to_lowercase()),
            _ => {}
        }
    }
    plain
}

/// Where a table has what; places among its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) start: usize,
    /// The time of day, where `start` is the day alone.
    pub(super) clock: Option<usize>,
    pub(super) end: Option<usize>,
    pub(super) price: usize,
    pub(super) kind: Option<usize>,
    pub(super) unit: Option<usize>,
}

/// What a table lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    Start,
    Price,
    /// Two names speak of prices, and none is plainly the one.
    OnePrice(usize, usize),
}

/// Finds the columns of a header. `loose` takes a name that speaks of a price among other things, or that has a unit of
/// prices, when there is just one.
pub(super) fn columns(names: &[&str], loose: bool) -> Result<Columns, Lack> {
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let find = |list: &[&str]| list.iter().find_map(|name| plain.iter().position(|plain| plain == name));
    let (start, clock) = match (find(DAY), find(CLOCK)) {
        (Some(day), Some(clock)) if day != clock => (day, Some(clock)),
        _ => (find(START).ok_or(Lack::Start)?, None),
    };
    let price = match find(PRICE) {
        Some(price) => price,
        None if loose => loosely(names, &plain)?,
        None => return Err(Lack::Price),
    };
    // Beside a day and a clock an end is a clock alone, of which day it does not tell.
    let end = if clock.is_some() { None } else { find(END) };
    Ok(Columns { start, clock, end, price, kind: find(KIND), unit: find(UNIT) })
}

fn loosely(names: &[&str], plain: &[String]) -> Result<usize, Lack> {
    let speaks = |place: &usize| PRICE_PARTS.iter().any(|part| plain[*place].contains(part));
    let counts = |place: &usize| super::unit::is_told(names[*place]);
    let mut places: Vec<usize> = (0..names.len()).filter(speaks).collect();
    if places.is_empty() {
        places = (0..names.len()).filter(counts).collect();
    }
    match places[..] {
        [] => Err(Lack::Price),
        [one] => Ok(one),
        [one, another, ..] => Err(Lack::OnePrice(one, another)),
    }
}

/// Whether a name is that of a unit.
pub(super) fn is_unit(name: &str) -> bool {
    UNIT.contains(&plain(name).as_str())
}

/// Whether a name says that its times are in UTC.
pub(super) fn is_utc(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("utc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(header: &str) -> Result<(usize, Option<usize>, usize), Lack> {
        let names: Vec<&str> = header.split(';').collect();
        columns(&names, true).map(|columns| (columns.start, columns.end, columns.price))
    }

    #[test]
    fn headers_of_many_hands_are_understood() {
        assert_eq!(found("price;start;end"), Ok((1, Some(2), 0)));
        assert_eq!(found("Start Time;END_TIME;Value"), Ok((0, Some(1), 2)));
        assert_eq!(
            found("MTU (CET/CEST);Area;Day-ahead Price (EUR/MWh);Intraday Price (EUR/MWh)"),
            Ok((0, None, 2))
        );
        assert_eq!(found("datum_nl;datum_utc;prijs_excl_belastingen"), Ok((1, None, 2)));
        assert_eq!(found("Datum von;Datum bis;Deutschland/Luxemburg [€/MWh]"), Ok((0, Some(1), 2)));
        assert_eq!(found("startsAt;total;energy;tax"), Ok((0, None, 1)));
        assert_eq!(found("unix_seconds;price"), Ok((0, None, 1)));
    }

    #[test]
    fn what_is_missing_or_doubtful_is_told() {
        assert_eq!(found("price;area"), Err(Lack::Start));
        assert_eq!(found("start;area"), Err(Lack::Price));
        assert_eq!(found("start;import price;export price"), Err(Lack::OnePrice(1, 2)));
        assert_eq!(columns(&["start", "my price"], false), Err(Lack::Price));
    }

    #[test]
    fn a_day_and_a_clock_are_one_time() {
        let columns = columns(&["Datum", "Uhrzeit", "Preis"], true).expect("both");
        assert_eq!((columns.start, columns.clock), (0, Some(1)));
        assert!(is_utc("datum_utc") && is_utc("Time (UTC)") && !is_utc("MTU (CET/CEST)"));
    }
}
