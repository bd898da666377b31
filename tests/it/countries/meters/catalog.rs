//! The meters by country, standard and identification: what a telegram cannot tell of itself.

/// A kind of meter.
#[derive(Debug)]
pub(super) struct Meter {
    /// The country's code, as in the name of a fixture.
    pub(super) country: &'static str,
    /// What its identification line begins with.
    pub(super) begins: &'static [&'static [u8]],
    /// The versions it may say (`1-3:0.2.8`), `?` for none where it has a clock; without any: whatever it says.
    pub(super) versions: &'static [&'static str],
    /// Whether its telegrams come encrypted.
    pub(super) encrypted: bool,
    /// The identification as it is shown.
    pub(super) identification: &'static str,
    /// Who makes it, and the standard it follows.
    pub(super) maker: &'static str,
    pub(super) standard: &'static str,
    /// The line's settings.
    pub(super) line: &'static str,
}

/// The countries in the order of the table: code and name.
pub(super) const COUNTRIES: &[(&str, &str)] = &[
    ("nl", "Netherlands"),
    ("be", "Belgium"),
    ("lu", "Luxembourg"),
    ("at", "Austria"),
    ("de", "Germany"),
    ("ch", "Switzerland"),
    ("se", "Sweden"),
    ("fi", "Finland"),
    ("dk", "Denmark"),
    ("lt", "Lithuania"),
    ("pl", "Poland"),
    ("hu", "Hungary"),
    ("si", "Slovenia"),
    ("il", "Israel"),
];

/// The maker of telegrams that come from no meter.
pub(super) const TEST_DATA: &str = "test data";

const OLD: &str = "9600 7E1";
const NEW: &str = "115200 8N1";

/// A meter in clear text.
const fn meter(
    country: &'static str,
    begins: &'static [&'static [u8]],
    versions: &'static [&'static str],
    identification: &'static str,
    maker: &'static str,
    standard: &'static str,
    line: &'static str,
) -> Meter {
    Meter { country, begins, versions, encrypted: false, identification, maker, standard, line }
}

/// A meter whose telegrams come encrypted.
const fn encrypted(meter: Meter) -> Meter {
    Meter { encrypted: true, ..meter }
}

/// Of those that fit a telegram the first is it.
#[rustfmt::skip]
pub(super) const METERS: &[Meter] = &[
    meter("nl", &[b"/ISk5", b"/ISK5"], &[""], r"/ISk5\2M…", "Iskraemeco", "DSMR 2.2, 3.0", OLD),
    meter("nl", &[b"/KMP5"], &[""], "/KMP5 …", "Kamstrup", "DSMR 2.2, 3.0", OLD),
    meter("nl", &[b"/XMX5XMX"], &[""], "/XMX5XMX…", "Landis+Gyr", "DSMR 2.2, 3.0", OLD),
    meter("nl", &[b"/XMX5LG"], &["40"], "/XMX5LG…", "Landis+Gyr", "DSMR 4.0", NEW),
    meter("nl", &[b"/ISk5"], &["40"], r"/ISk5\2M…", "Iskraemeco", "DSMR 4.0", NEW),
    meter("nl", &[b"/KFM5"], &["42"], "/KFM5KAIFA…", "Kaifa", "DSMR 4.2", NEW),
    meter("nl", &[b"/XMX5LG"], &["42"], "/XMX5LG…", "Landis+Gyr", "DSMR 4.2", NEW),
    meter("nl", &[b"/ISk5"], &["42"], r"/ISk5\2M…", "Iskraemeco", "DSMR 4.2", NEW),
    meter("nl", &[b"/ISK5", b"/ISk5"], &["50", "?"], r"/ISK5\2M…", "Iskraemeco", "DSMR 5.0", NEW),
    meter("nl", &[b"/Ene5"], &["50"], r"/Ene5\…", "Sagemcom", "DSMR 5.0", NEW),
    meter("nl", &[b"/XMX5LG"], &["50"], "/XMX5LG…", "Landis+Gyr", "DSMR 5.0", NEW),
    meter("nl", &[b"/MCS"], &[], "/MCS5…", "Metcom", "DSMR 5.0", NEW),
    meter("nl", &[b"/LGF5"], &[], "/LGF5E360", "Landis+Gyr", "DSMR 5.0", NEW),
    meter("nl", &[b"/NWA-", b"/AUR2NWA"], &["50"], "/NWA-…", "heat gateways", "DSMR 5.0", NEW),
    meter("nl", &[b"/"], &[], "others", TEST_DATA, "DSMR 2.2 to 5.0", ""),
    meter("be", &[b"/FLU5"], &[], r"/FLU5\…", "Sagemcom", "e-MUCS (Flanders)", NEW),
    meter("be", &[b"/LGF5"], &[], "/LGF5E360", "Landis+Gyr", "e-MUCS (Flanders)", NEW),
    meter("be", &[b"/LG_E660"], &[], "/LG_E660…", "Landis+Gyr", "e-MUCS (industry)", NEW),
    meter("be", &[b"/ISk5"], &[], r"/ISk5\2MIE5…", "Iskraemeco", "e-MUCS (Wallonia)", NEW),
    meter("be", &[b"/SIB5"], &[], r"/SIB5\…", "Sagemcom", "e-MUCS (Brussels)", NEW),
    encrypted(meter("lu", &[b"/"], &[], r"/Lux5\…", "Sagemcom", "Smarty", NEW)),
    meter("lu", &[b"/"], &[], r"/Lux5\…", "Sagemcom", "Smarty (decrypted)", NEW),
    encrypted(meter("at", &[b"/"], &[], r"/EST5\…", "Sagemcom", "DSMR 5.0", NEW)),
    meter("at", &[b"/"], &[], r"/EST5\…", "Sagemcom", "DSMR 5.0 (decrypted)", NEW),
    meter("de", &[b"/ESY5"], &[], "/ESY5Q3…", "EasyMeter", "IEC 62056-21 D0", OLD),
    meter("ch", &[b"/GRE5"], &[], r"/GRE5\…", "Sagemcom", "e-MUCS", NEW),
    meter("se", &[b"/ELL5"], &[], r"/ELL5\…", "Sagemcom", "H1", NEW),
    meter("se", &[b"/LGF5"], &[], "/LGF5E360", "Landis+Gyr", "H1", NEW),
    meter("se", &[b"/KAM5"], &[], "/KAM5", "Kamstrup", "H1", NEW),
    meter("se", &[b"/ADN9"], &[], "/ADN9 65…", "Aidon", "H1", NEW),
    meter("fi", &[b"/LGF5"], &[], "/LGF5E360", "Landis+Gyr", "H1", NEW),
    meter("dk", &[b"/NES5"], &[], "/NES5:…", "NES", "its own", "115200 8E1"),
    meter("lt", &[b"/ESO5"], &[], r"/ESO5\…", "Sagemcom", "ESO", NEW),
    meter("pl", &[b"/KFM5"], &[], "/KFM5KAIFA…", "Kaifa", "Tauron", NEW),
    meter("pl", &[b"/EGM5"], &[], "/EGM5…", "Elgama", "Stoen", NEW),
    meter("hu", &[b"/SAG5"], &[], "/SAG5SAG-METER", "Sagemcom", "E.ON", NEW),
    meter("hu", &[b"/AUX5"], &[], "/AUX5…", "AUX", "E.ON", NEW),
    meter("hu", &[b"/HLY5"], &[], "/HLY5/D545…", "Holley", "E.ON", NEW),
    meter("hu", &[b"/WSE5"], &[], "/WSE5Wasion", "Wasion", "E.ON", NEW),
    meter("si", &[b"/ISK9"], &[], r"/ISK9\2M…", "Iskraemeco", "its own", "115200 7E1"),
    meter("il", &[b"/KFM5"], &[], "/KFM5KAIFA…", "Kaifa", "DSMR 5.0", NEW),
];

/// The kind of meter that sent this: its place in [`METERS`].
pub(super) fn find(country: &str, encrypted: bool, ident: &[u8], version: &str) -> Option<usize> {
    METERS.iter().position(|meter| {
        meter.country == country
            && meter.encrypted == encrypted
            && meter.begins.iter().any(|begins| ident.starts_with(begins))
            && (meter.versions.is_empty() || meter.versions.contains(&version))
    })
}
