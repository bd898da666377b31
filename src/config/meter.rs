//! One `[[meter]]` table and the `[meter.share]` within: what their keys mean together.

use super::keys::Table;
use super::raw::Section;
use super::reader::Reader;
use super::report::{Report, why};
use super::secret::Named;
use super::settings::MeterSettings;
use super::url::ListenAt;
use crate::meter::Country;
use crate::p1::cipher::{Key, Keys, LUXEMBOURG_AUTH_KEY};
use crate::source::{Line, LineSettings, ShareEncrypted, ShareSettings, SourceSettings, SourceUrl};

const KEY: Named =
    Named { inline: "key", file: "key_file", what: "the meter's key", credential: "meter-key" };

const AUTH_KEY: Named = Named {
    inline: "auth_key",
    file: "auth_key_file",
    what: "the authentication key",
    credential: "meter-auth-key",
};

/// Resolves one, without its share.
pub(super) fn resolve(reader: &mut Reader<'_, '_>) -> Option<MeterSettings> {
    let name = reader.text("name");
    let url = reader.source("source");
    let line = reader.choice("line");
    let max_telegram = reader.integer("max_telegram");
    let silence = reader.duration("silence");
    let country = reader.choice("country").map(|code| code.parse::<Country>().ok());
    let timezone = timezone(reader, country.flatten());
    let keys = keys(reader, country.flatten());
    let clock_tolerance = reader.duration("clock_tolerance");
    if clock_tolerance.is_some_and(|tolerance| tolerance.subsec_millis() != 0) {
        reader.problem("clock_tolerance", "meters count whole seconds; write some such as \"30s\"");
    }
    if let (Some(url), Some(line)) = (&url, line)
        && line != "auto"
        && !matches!(url, SourceUrl::Serial(_))
    {
        reader.warning("line", "only a serial port has a line setting; it is ignored");
    }
    if let Some(SourceUrl::Serial(path)) = &url
        && reader.context.facts.files.is_regular(path)
    {
        let message = format!("{0} is a file and no port; write file://{0} for a recording", path.display());
        reader.problem("source", message);
    }
    if let Some(SourceUrl::File(path)) = &url
        && let Err(error) = reader.context.facts.files.can_read(path)
    {
        let message =
            format!("cannot read {}: {}; name a recording that is there", path.display(), why(&error));
        reader.problem("source", message);
    }
    let source = SourceSettings {
        url: url?,
        line: line_settings(line?),
        max_telegram: usize::try_from(max_telegram?).unwrap_or(usize::MAX),
        silence: silence?,
        country: country?,
        timezone: timezone?,
        keys: keys?,
        clock_tolerance: clock_tolerance.map(|tolerance| (!tolerance.is_zero()).then_some(tolerance))?,
    };
    Some(MeterSettings { name: name?, source, share: None })
}

fn line_settings(name: &str) -> Line {
    match name {
        "115200 8N1" => Line::Fixed(LineSettings::M115200_8N1),
        "9600 7E1" => Line::Fixed(LineSettings::M9600_7E1),
        "115200 7E1" => Line::Fixed(LineSettings::M115200_7E1),
        "115200 8E1" => Line::Fixed(LineSettings::M115200_8E1),
        _ => Line::Auto,
    }
}

/// The zone that was set, else that of the country that was set, else none: the telegrams tell. The outer `None` is
/// a problem.
fn timezone(reader: &mut Reader<'_, '_>, country: Option<Country>) -> Option<Option<String>> {
    let typed = reader.text("timezone");
    if typed.is_some() {
        return Some(typed);
    }
    if reader.is_set("timezone") {
        return None;
    }
    match country {
        Some(country) => Some(reader.derive_text("timezone", country.zone_name().to_owned())),
        None => {
            reader.derive_nothing("timezone");
            Some(None)
        }
    }
}

/// What opens the meter's telegrams. The outer `None` is a problem.
fn keys(reader: &mut Reader<'_, '_>, country: Option<Country>) -> Option<Option<Keys>> {
    let key = key(reader, &KEY);
    let auth_key = key_or_problem(reader, &AUTH_KEY);
    let allow_unverified_tag = reader.truth("allow_unverified_tag");
    let has_key = reader.is_set("key") || reader.is_set("key_file");
    let has_auth_key = reader.is_set("auth_key") || reader.is_set("auth_key_file");
    if !has_key {
        for name in ["auth_key", "auth_key_file", "allow_unverified_tag"] {
            if reader.is_set(name) && (name != "allow_unverified_tag" || allow_unverified_tag == Some(true)) {
                reader.warning(name, "without key_file or key nothing is decrypted; it is ignored");
            }
        }
    } else if allow_unverified_tag == Some(true) {
        let message = "telegrams are accepted though nothing proves that the meter sent them; \
                       set this only when the authentication key is right and still no tag verifies";
        reader.warning("allow_unverified_tag", message);
    }
    if has_key && !has_auth_key && country == Some(Country::Austria) {
        let name = if reader.is_set("key") { "key" } else { "key_file" };
        let message = "in Austria each meter has an authentication key of its own (GAK), and without it no \
                       telegram verifies; set auth_key_file";
        reader.warning(name, message);
    }
    let (auth_key, allow_unverified_tag) = (auth_key?, allow_unverified_tag?);
    if !has_key {
        return Some(None);
    }
    let auth_key = auth_key.unwrap_or(LUXEMBOURG_AUTH_KEY);
    Some(Some(Keys { key: key?, auth_key, allow_unverified_tag }))
}

/// A key, wherever it is.
fn key(reader: &mut Reader<'_, '_>, named: &Named) -> Option<Key> {
    let inline = reader.meter_key(named.inline);
    named.look(reader);
    if !reader.is_set(named.file) {
        // Its row among what was resolved.
        reader.path(named.file);
        return inline;
    }
    let text = named.in_file(reader)?;
    match text.parse() {
        Ok(key) => Some(key),
        Err(error) => {
            let message = format!("{error}; the file holds {} and nothing else", named.what);
            reader.problem(named.file, message);
            None
        }
    }
}

/// A key that need not be; the outer `None` is a problem.
fn key_or_problem(reader: &mut Reader<'_, '_>, named: &Named) -> Option<Option<Key>> {
    match key(reader, named) {
        None if reader.is_set(named.inline) || reader.is_set(named.file) => None,
        key => Some(key),
    }
}

/// Resolves a meter's share; none when it has no address.
pub(super) fn share(
    reader: &mut Reader<'_, '_>,
    meter: Option<&MeterSettings>,
    hostname: &str,
) -> Option<(ListenAt, ShareSettings)> {
    let listen = reader.listen("listen");
    if !reader.is_set("listen") {
        if reader.is_set("encrypted") {
            reader.choice("encrypted");
            reader.warning("encrypted", "without listen nothing is shared; it is ignored");
        } else {
            reader.derive_nothing("encrypted");
        }
        return None;
    }
    let encrypted = match reader.choice("encrypted")? {
        "untouched" => ShareEncrypted::Untouched,
        _ => ShareEncrypted::Decrypted,
    };
    let listen = listen?;
    let source = meter.map(|meter| &meter.source);
    if reader.is_set("encrypted") && source.is_some_and(|source| source.keys.is_none()) {
        let message = "without key_file or key of the meter no encrypted telegram is read, and none is shared; \
                       it is ignored";
        reader.warning("encrypted", message);
    }
    if let Some(SourceUrl::Tcp { host, port }) = source.map(|source| &source.url)
        && listen.answers(host, *port, hostname)
    {
        let message = format!("{listen} is where the meter's own telegrams come from; choose another port");
        reader.problem("listen", message);
    }
    let settings = ShareSettings { listen: listen.to_string(), encrypted };
    Some((listen, settings))
}

/// Two shares cannot listen at one port.
pub(super) fn same_port(sections: &[Section], listens: &[Option<ListenAt>], report: &mut Report) {
    let sections: Vec<&Section> = sections.iter().filter(|section| section.table == Table::Share).collect();
    for (at, listen) in listens.iter().enumerate() {
        let Some(listen) = listen else { continue };
        let collides = |other: &Option<ListenAt>| other.as_ref().is_some_and(|other| other.collides(listen));
        let Some(first) = listens[..at].iter().position(collides) else { continue };
        let (Some(first), Some(entry)) = (sections[first].entry("listen"), sections[at].entry("listen"))
        else {
            continue;
        };
        let message =
            format!("{listen} is taken already ({}); each share needs a port of its own", first.origin);
        report.problem(&entry.origin, &entry.key.path(sections[at].index), message);
    }
}
