//! Who made a meter, by the first line of its telegram.
//!
//! The line is `/XXXZ` and the type, where `XXX` are three letters that are registered for the maker (IEC 62056-21,
//! section 6.3.2) and `Z` is the rate of transmission.

/// Makers of meters with a P1 port by their letters. Operators put their own letters there as well; those name no maker.
const MAKERS: [(&str, &str); 14] = [
    ("ADN", "Aidon"),
    ("AUX", "AUX"),
    ("EGM", "Elgama"),
    ("ESY", "EasyMeter"),
    ("HLY", "Holley"),
    ("ISK", "Iskraemeco"),
    ("KAM", "Kamstrup"),
    ("KFM", "Kaifa"),
    ("KMP", "Kamstrup"),
    ("LGF", "Landis+Gyr"),
    ("LGZ", "Landis+Gyr"),
    ("MCS", "Metcom"),
    ("NES", "NES"),
    ("SAG", "Sagemcom"),
];

/// The maker and the type that the first line of a telegram tells; none where it tells nothing that people can read.
pub(super) fn of(telegram: &[u8]) -> Option<(Option<&'static str>, String)> {
    let line = telegram.strip_prefix(b"/")?;
    let line = &line[..line.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(line.len())];
    let model: String = line
        .iter()
        .filter(|byte| byte.is_ascii_graphic() || **byte == b' ')
        .map(|&byte| char::from(byte))
        .collect();
    let model = model.trim();
    let maker = model.get(..3).and_then(|letters| {
        MAKERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(letters)).map(|(_, maker)| *maker)
    });
    (!model.is_empty()).then(|| (maker, model.chars().take(64).collect()))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_first_line_tells_maker_and_type() {
        let told = |maker: Option<&'static str>, model: &str| Some((maker, model.to_owned()));
        assert_eq!(of(b"/ISK5\\2M550T-1013\r\n\r\n"), told(Some("Iskraemeco"), "ISK5\\2M550T-1013"));
        assert_eq!(of(b"/Ene5\\T210-D ESMR5.0\r\n"), told(None, "Ene5\\T210-D ESMR5.0"));
        assert_eq!(of(b"/FLU5\\253769\xab_A\r\n"), told(None, "FLU5\\253769_A"));
        assert_eq!(of(b"/\r\n"), None);
        assert_eq!(of(b""), None);
    }
}
