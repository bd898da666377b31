//! What a price is of, as the reader is told and as the table tells.

use super::super::table::PriceKind;

/// What a table's prices are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PriceUnit {
    /// A kWh, or a m³ of gas.
    #[default]
    Unit,
    /// A MWh.
    MegaWattHour,
}

/// What a table tells of its prices, in a header or beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    quantity: Quantity,
    cents: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    KiloWattHour,
    MegaWattHour,
    CubicMetre,
}

/// What a text such as `Price [ct/kWh]` or `EUR/MWh` tells; `None` where it tells no unit.
fn told(text: &str) -> Option<Told> {
    let text = text.to_lowercase().replace(' ', "");
    let (at, quantity) = [
        ("mwh", Quantity::MegaWattHour),
        ("kwh", Quantity::KiloWattHour),
        ("m³", Quantity::CubicMetre),
        ("m3", Quantity::CubicMetre),
    ]
    .into_iter()
    .find_map(|(name, quantity)| Some((text.find(name)?, quantity)))?;
    let before = text[..at].trim_end_matches(['/', 'p', 'e', 'r', '_']);
    let currency = before.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let cents = matches!(currency, "ct" | "cts" | "cent" | "cents" | "eurocent" | "öre" | "øre" | "ore");
    Some(Told { quantity, cents })
}

/// Whether a text tells a unit of prices.
pub(super) fn is_told(text: &str) -> bool {
    told(text).is_some()
}

/// By which power of ten a price of the table becomes one of a kWh or m³.
///
/// # Errors
/// When the table tells another unit than the reader was told, or one that its kind is not counted in.
pub(super) fn exponent(given: Option<PriceUnit>, text: Option<&str>, kind: PriceKind) -> Result<i8, String> {
    let told = text.and_then(told);
    let quantity = told.map(|told| told.quantity);
    let cents = if told.is_some_and(|told| told.cents) { -2 } else { 0 };
    if kind == PriceKind::Gas {
        if given == Some(PriceUnit::MegaWattHour) || quantity.is_some_and(|of| of != Quantity::CubicMetre) {
            return Err(
                "gas is priced a m³, and how many kWh one holds differs by day and place; convert the \
                        prices to m³"
                    .to_owned(),
            );
        }
        return Ok(cents);
    }
    let told = match quantity {
        Some(Quantity::CubicMetre) => {
            return Err(format!(
                "the table's prices are a m³, and {kind} is priced a kWh; is it a table of gas?"
            ));
        }
        Some(Quantity::MegaWattHour) => Some(PriceUnit::MegaWattHour),
        Some(Quantity::KiloWattHour) => Some(PriceUnit::Unit),
        None => None,
    };
    match (given, told) {
        (Some(PriceUnit::Unit), Some(PriceUnit::MegaWattHour)) => {
            Err("the table says that its prices are a MWh, not a kWh; set the unit to MWh".to_owned())
        }
        (Some(PriceUnit::MegaWattHour), Some(PriceUnit::Unit)) => {
            Err("the table says that its prices are a kWh, not a MWh; set the unit to kWh".to_owned())
        }
        (given, told) => Ok(match given.or(told).unwrap_or_default() {
            PriceUnit::Unit => cents,
            PriceUnit::MegaWattHour => cents - 3,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_its_unit() {
        let power = |text| exponent(None, Some(text), PriceKind::Electricity);
        assert_eq!(power("Day-ahead Price [EUR/MWh]"), Ok(-3));
        assert_eq!(power("Eur/MWh"), Ok(-3));
        assert_eq!(power("EUR / MWh"), Ok(-3));
        assert_eq!(power("Preis (ct/kWh)"), Ok(-2));
        assert_eq!(power("price_eur_per_mwh"), Ok(-3));
        assert_eq!(power("cent per kWh"), Ok(-2));
        assert_eq!(power("price"), Ok(0));
        assert_eq!(exponent(None, Some("EUR/m³"), PriceKind::Gas), Ok(0));
    }

    #[test]
    fn a_table_that_says_otherwise_is_not_read_as_told() {
        let read = |given, text| exponent(Some(given), Some(text), PriceKind::Electricity);
        assert!(read(PriceUnit::Unit, "EUR/MWh").is_err_and(|text| text.contains("set the unit to MWh")));
        assert!(
            read(PriceUnit::MegaWattHour, "ct/kWh").is_err_and(|text| text.contains("set the unit to kWh"))
        );
        assert_eq!(read(PriceUnit::MegaWattHour, "EUR"), Ok(-3));
        assert!(read(PriceUnit::Unit, "EUR/m3").is_err_and(|text| text.contains("is it a table of gas?")));
        assert!(exponent(None, Some("EUR/MWh"), PriceKind::Gas).is_err());
        assert!(exponent(Some(PriceUnit::MegaWattHour), None, PriceKind::Gas).is_err());
    }
}
