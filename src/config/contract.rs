//! The `[prices]` table and the `[[contract]]` tables: what their keys mean together.

use jiff::civil::Date;

use super::keys::Table;
use super::layouts::no_meter;
use super::money;
use super::raw::Section;
use super::reader::Reader;
use super::report::Report;
use super::settings::MeterSettings;
use super::value::{Value, quote};
use crate::meter::MbusClass;
use crate::p1::Decimal;
use crate::prices::{Contract, Dynamic, overlaps};

/// The currency of everything.
pub(super) fn currency(reader: &mut Reader<'_, '_>) -> Option<String> {
    reader.text("currency")
}

const IMPORT: [&str; 5] = ["import", "import_t1", "import_t2", "import_t3", "import_t4"];
const EXPORT: [&str; 5] = ["export", "export_t1", "export_t2", "export_t3", "export_t4"];

/// What M-Bus devices count, by the names in the file.
const DEVICES: [(&str, MbusClass); 5] = [
    ("gas", MbusClass::Gas),
    ("water", MbusClass::Water),
    ("warm_water", MbusClass::WarmWater),
    ("heat", MbusClass::Heat),
    ("cooling", MbusClass::Cooling),
];

/// Keys whose price is of a kWh.
const OF_A_KWH: [&str; 3] = ["feed_in", "dynamic_markup_import", "dynamic_markup_export"];

/// What can follow the market, and what is added to its price then.
const MARKUPS: [(&str, &str); 3] =
    [("import", "dynamic_markup_import"), ("export", "dynamic_markup_export"), ("gas", "dynamic_markup_gas")];

/// Tax on the market's price, and whom it is of.
const TAXES: [(&str, &[&str]); 2] =
    [("dynamic_vat", &["import", "gas"]), ("dynamic_vat_export", &["export"])];

/// Resolves one. `all_meters` tells whether `meters` is all of them.
pub(super) fn resolve(
    reader: &mut Reader<'_, '_>,
    currency: Option<&str>,
    meters: &[MeterSettings],
    all_meters: bool,
) -> Option<Contract> {
    let name = reader.text("name");
    let meter = meter(reader, meters, all_meters);
    let start = reader.day("start");
    let end = end(reader, start);
    let [import, import_tariffs @ ..] = IMPORT.map(|name| reader.price(name));
    let [export, export_tariffs @ ..] = EXPORT.map(|name| reader.price(name));
    let devices: Vec<_> =
        DEVICES.iter().filter_map(|(name, class)| Some((*class, reader.price(name)?))).collect();
    let fixed = reader.price("fixed");
    let feed_in = reader.price("feed_in");
    let capacity = reader.price("capacity");
    let capacity_minimum = reader.price("capacity_minimum");
    let dynamic = dynamic(reader);

    if let Some(currency) = currency {
        for key in IMPORT.iter().chain(&EXPORT).chain(&OF_A_KWH) {
            in_cents(reader, key, currency);
        }
        if let Some(fixed) = fixed.filter(|fixed| money::is_much(*fixed, currency)) {
            let message = format!("{fixed} {currency} a day is much; is it that of a month or a year?");
            reader.warning("fixed", message);
        }
    }
    let priced = IMPORT.iter().chain(&EXPORT).chain(&["capacity", "dynamic"]);
    let has = |price: Option<Decimal>| price.is_some_and(|price| !price.is_zero());
    let any = priced.chain(DEVICES.iter().map(|(name, _)| name)).any(|name| reader.is_set(name));
    if !any && !has(fixed) && !has(feed_in) {
        let message = "the contract has no price, so nothing costs anything; write import = 0.2574 or such";
        reader.warning("name", message);
    }
    // The default may stand there, since it does in what is shown of a contract.
    let usual = Decimal::from_parts(false, 25, 1);
    if capacity_minimum.is_some() && capacity_minimum != usual && !reader.is_set("capacity") {
        reader.warning("capacity_minimum", "without capacity no peak costs anything; it is ignored");
    }
    Some(Contract {
        name: name?,
        meter,
        start: start?,
        end,
        import,
        import_tariffs,
        export,
        export_tariffs,
        devices,
        fixed: fixed?,
        feed_in: feed_in?,
        capacity,
        capacity_minimum: capacity_minimum?,
        dynamic: dynamic?,
    })
}

fn meter(reader: &mut Reader<'_, '_>, meters: &[MeterSettings], all_meters: bool) -> Option<String> {
    if !reader.is_set("meter") {
        reader.derive_nothing("meter");
        return None;
    }
    let name = reader.text("meter")?;
    if all_meters && !meters.iter().any(|meter| meter.name == name) {
        reader.problem("meter", no_meter(&name, meters));
    }
    Some(name)
}

fn end(reader: &mut Reader<'_, '_>, start: Option<Date>) -> Option<Date> {
    if !reader.is_set("end") {
        reader.derive_nothing("end");
        return None;
    }
    let end = reader.day("end")?;
    if let Some(start) = start.filter(|start| *start >= end) {
        let message = format!(
            "{end} is not after the start, {start}; it is the first day on which the contract no longer holds"
        );
        reader.problem("end", message);
    }
    Some(end)
}

/// The outer `None` is a problem.
fn dynamic(reader: &mut Reader<'_, '_>) -> Option<Option<Dynamic>> {
    let set = reader.is_set("dynamic");
    let follows = reader.choices("dynamic");
    let markups = MARKUPS.map(|(_, name)| used(reader, set, name).then(|| reader.price(name)));
    let vat = used(reader, set, "dynamic_vat").then(|| reader.percent("dynamic_vat"));
    let vat_export =
        used(reader, set, "dynamic_vat_export").then(|| match reader.is_set("dynamic_vat_export") {
            true => reader.percent("dynamic_vat_export"),
            false => reader.derive("dynamic_vat_export", Value::Percent(vat??)).and(vat?),
        });
    if !set {
        return Some(None);
    }
    let follows = follows?;
    let has = |what: &str| follows.contains(&what);
    let pairs = MARKUPS.iter().map(|(what, name)| (*name, std::slice::from_ref(what)));
    for (name, whats) in pairs.chain(TAXES) {
        // Tax that is told once is that of whatever there is.
        let of_export = name == "dynamic_vat" && has("export") && !reader.is_set("dynamic_vat_export");
        if reader.is_set(name) && !of_export && !whats.iter().any(|what| has(what)) {
            let message =
                format!("dynamic has no {}, whose price is fixed; it is ignored", whats.join(" and no "));
            reader.warning(name, message);
        }
    }
    let [markup_import, markup_export, markup_gas] = markups;
    Some(Some(Dynamic {
        markup_import: markup_import??,
        markup_export: markup_export??,
        markup_gas: markup_gas??,
        vat: vat??,
        vat_export: vat_export??,
        import: has("import"),
        export: has("export"),
        gas: has("gas"),
    }))
}

/// Whether a key beside `dynamic` is to be read: to be used, or because it is there.
fn used(reader: &mut Reader<'_, '_>, dynamic: bool, name: &str) -> bool {
    let set = reader.is_set(name);
    if !dynamic && set {
        reader.warning(name, "without dynamic every price is fixed; it is ignored");
    } else if !dynamic {
        reader.derive_nothing(name);
    }
    dynamic || set
}

/// Warns of a price of a kWh that nobody pays.
fn in_cents(reader: &mut Reader<'_, '_>, name: &str, currency: &str) {
    let price = reader.section.entry(name).and_then(|entry| money::price(&entry.typed, true).ok());
    if let Some(price) = price.filter(|price| money::is_much(*price, currency)) {
        let hundredth = price.shifted(-2).filter(|hundredth| hundredth.scale() <= money::DIGITS);
        let right = hundredth.map_or_else(String::new, |right| format!("? Then it is {right}"));
        reader.warning(name, format_args!("{price} {currency} a kWh is much; is it in hundredths{right}"));
    }
}

/// Reports contracts that hold on one day for one meter, each with the first such. There are as many contracts as
/// sections.
pub(super) fn overlapping(sections: &[Section], contracts: &[Contract], report: &mut Report) {
    let sections: Vec<&Section> =
        sections.iter().filter(|section| section.table == Table::Contract).collect();
    let place = |at: usize| sections[at].entry("start").map_or(&sections[at].origin, |entry| &entry.origin);
    let mut pairs = overlaps(contracts);
    pairs.sort_by_key(|pair| (pair.second, pair.first));
    pairs.dedup_by_key(|pair| pair.second);
    for pair in pairs {
        let (first, second) = (&contracts[pair.first], &contracts[pair.second]);
        let message = format!(
            "{} and {} ({}) both hold {}, for {}; let one end on the day on which the other starts",
            quote(&second.name),
            quote(&first.name),
            place(pair.first),
            days_of_both(first, second),
            first
                .meter
                .as_ref()
                .or(second.meter.as_ref())
                .map_or_else(|| "every meter".to_owned(), |meter| format!("the meter {}", quote(meter))),
        );
        let path = format!("{}.start", Table::Contract.path(sections[pair.second].index));
        report.problem(place(pair.second), &path, message);
    }
}

/// When both of two contracts hold that overlap.
fn days_of_both(one: &Contract, other: &Contract) -> String {
    let start = one.start.max(other.start);
    let end = [one.end, other.end].into_iter().flatten().min();
    match end.and_then(|end| end.yesterday().ok()) {
        Some(last) if last == start => format!("on {start}"),
        Some(last) => format!("from {start} to {last}"),
        None => format!("from {start} on"),
    }
}

/// By their start, as the settings have them.
pub(super) fn sorted(mut contracts: Vec<Contract>) -> Vec<Contract> {
    contracts.sort_by(|a, b| (a.start, &a.meter).cmp(&(b.start, &b.meter)));
    contracts
}
