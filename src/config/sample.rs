//! What people read, written from the table of keys: the sample file, the manual page, the help and `config show`.

use super::keys::{Key, Kind, Table, Unset};
use super::resolve::{Loaded, Resolved};
use super::value::print_duration;

/// The sample configuration. A `#` right before a key or a table means that this is the default, or an example
/// of a key that has none; without the `#` it counts.
pub fn sample() -> String {
    let mut out = String::from(
        "# The configuration of dsmrd. Every key is explained in dsmrd.toml(5); dsmrd check-config checks this file.\n\
         #\n\
         # A line such as #key = value shows the default, or an example for a key that has no default:\n\
         # remove the # to set it. Relative paths are relative to this file. Each key can be set in the environment\n\
         # too, which wins: DSMRD_STORE_PATH is path under [store], DSMRD_MQTT_0_URL is url of the first [[mqtt]].\n\
         # Lengths of time are written as \"500ms\", \"60s\", \"2m\", \"1h\" or \"1d\".\n",
    );
    for table in Table::ALL {
        let off = if matches!(table, Table::Mqtt | Table::Share | Table::Contract) { "#" } else { "" };
        out.push('\n');
        comment(&mut out, table.doc());
        if !table.example().is_empty() {
            out.push_str("#\n");
            for line in table.example().lines() {
                out.push_str(&if line.is_empty() { "#\n".to_owned() } else { format!("#     {line}\n") });
            }
            out.push_str("#\n# Its keys:\n");
        }
        out.push_str(&format!("{off}{}\n", table.header()));
        for key in table.keys() {
            out.push('\n');
            comment(&mut out, key.doc);
            comment(&mut out, &takes(key));
            let value = match key.unset {
                Unset::Value(default) => default,
                _ => key.example,
            };
            let off = if matches!(key.unset, Unset::Required) { off } else { "#" };
            out.push_str(&format!("{off}{} = {value}\n", key.name));
        }
    }
    out
}

/// Comment lines of at most 100 columns.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > 100 {
            out.push_str(&line);
            out.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

/// What a key takes and what it is when it is not set, in a sentence or two.
fn takes(key: &Key) -> String {
    let kind = match key.kind {
        Kind::Duration(least, most) => {
            format!("A length of time from {} to {}. ", print_duration(least), print_duration(most))
        }
        Kind::Integer(least, most) => format!("A whole number from {least} to {most}. "),
        Kind::Choice(known) => format!("One of {}. ", known.join(", ")),
        Kind::Choices(known) => format!("A list of {}. ", known.join(", ")),
        Kind::Bool => "true or false. ".to_owned(),
        Kind::Price(true) => "A number; it may be below zero. ".to_owned(),
        Kind::Price(false) => "A number. ".to_owned(),
        Kind::Percent => "A percentage in quotes. ".to_owned(),
        Kind::Day => "A day. ".to_owned(),
        Kind::TimeOfDay => "A time in quotes. ".to_owned(),
        Kind::Command => "A list. ".to_owned(),
        _ => String::new(),
    };
    let unset = match key.unset {
        Unset::Required => "It must be set.".to_owned(),
        Unset::Value(value) => format!("Default: {value}."),
        Unset::Derived(how) => format!("Default: {}{}", how[..1].to_lowercase(), &how[1..]),
        Unset::Nothing => "Not set by default.".to_owned(),
    };
    format!("{kind}{unset}")
}

/// A table of all keys for `--help`.
pub fn help() -> String {
    let mut out = String::from("Keys of the configuration, with their defaults:\n");
    for table in Table::ALL {
        out.push_str(&format!("\n  {}\n", table.header()));
        for key in table.keys() {
            let unset = match key.unset {
                Unset::Required => "(must be set)",
                Unset::Value(value) => value,
                Unset::Derived(_) => "(derived)",
                Unset::Nothing => "(not set)",
            };
            out.push_str(&format!("    {:<21} {unset}\n", key.name));
        }
    }
    out.push_str(
        "\nEach can be set in the environment too: DSMRD_STORE_PATH, DSMRD_METER_0_SOURCE, DSMRD_MQTT_0_URL.\n\
         dsmrd.toml(5) explains them; dsmrd generate sample-config prints a sample.",
    );
    out
}

/// The manual page dsmrd.toml(5), in roff.
pub fn manual() -> String {
    let mut out = format!(
        ".TH DSMRD.TOML 5 \"\" \"dsmrd {}\" \"File formats\"\n.SH NAME\ndsmrd.toml \\- configuration of dsmrd\n\
         .SH DESCRIPTION\n",
        env!("CARGO_PKG_VERSION")
    );
    for paragraph in [
        "The file is TOML. Without \\fB\\-\\-config\\fR it is /etc/dsmrd/dsmrd.toml. \
         Relative paths in it are relative to the file itself.",
        "Unknown keys are errors. \\fBdsmrd check\\-config\\fR tells every problem at once, each with its line.",
        "Prices count digit by digit as they stand there, with up to eight digits behind the point. They may stand in \
         quotes, and so may days.",
        "Lengths of time are a number and its unit in quotes: \"500ms\", \"60s\", \"2m\", \"1h\", \"1d\", \
         or several of them such as \"1h30m\". A number alone is seconds.",
    ] {
        out.push_str(&format!(".PP\n{paragraph}\n"));
    }
    for table in Table::ALL {
        out.push_str(&format!(".SH {}\n{}\n", roff(&table.header()), roff(table.doc())));
        if !table.example().is_empty() {
            let lines: Vec<String> = table.example().lines().map(roff).collect();
            out.push_str(&format!(".PP\n.nf\n{}\n.fi\n", lines.join("\n")));
        }
        for key in table.keys() {
            let variable = key.variable(table.repeated().then_some(0));
            out.push_str(&format!(
                ".TP\n\\fB{}\\fR\n{} {}\n.br\nExample: {} = {}\n.br\nEnvironment: {}\n",
                roff(key.name),
                roff(key.doc),
                roff(&takes(key)),
                roff(key.name),
                roff(key.example),
                roff(&variable),
            ));
        }
    }
    out.push_str(
        ".SH ENVIRONMENT\nEvery key has a variable, which wins over the file. Tables that can stand several times are \
         counted from 0, and a variable for the next one adds a table. Lists are separated by commas. An empty \
         variable counts as not set. Without a file at the default place the environment alone will do.\n\
         .SH FILES\n.TP\n/etc/dsmrd/dsmrd.toml\nThe configuration.\n\
         .SH SEE ALSO\n.BR dsmrd (1),\n.BR dsmrd\\-check\\-config (1),\n.BR dsmrd\\-config (1)\n",
    );
    out
}

/// Text as roff wants it: no line begins with a control character, hyphens stay hyphens.
fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

/// The resolved settings as a file that loads again, secrets apart; with `origin` also where each comes from.
pub fn show(loaded: &Loaded, file: &std::path::Path, origin: bool) -> String {
    let mut out = String::new();
    let mut table = None;
    for row in &loaded.resolved {
        let here = (row.key.table, row.index);
        let line = shown(row);
        // A table within another stands there only when something is in it.
        if table != Some(here) && (line.is_some() || row.key.table.parent().is_none()) {
            out.push_str(if table.is_some() { "\n" } else { "" });
            out.push_str(&row.key.table.header());
            out.push('\n');
            table = Some(here);
        }
        let Some(line) = line else { continue };
        out.push_str(&line);
        if origin {
            let from = match &row.origin {
                super::Origin::File { line, .. } => format!("{}:{line}", file.display()),
                other => other.to_string(),
            };
            out.push_str(&format!(
                "{}# {from}",
                " ".repeat(48_usize.saturating_sub(line.chars().count()).max(1))
            ));
        }
        out.push('\n');
    }
    out
}

/// None for a key that has no value.
fn shown(row: &Resolved) -> Option<String> {
    match (&row.value, row.key.kind) {
        (Some(value), _) => Some(format!("{} = {value}", row.key.name)),
        (None, Kind::Secret | Kind::MeterKey | Kind::Command) if row.origin != super::Origin::Default => {
            Some(format!("# {} = \"***\"", row.key.name))
        }
        (None, _) => None,
    }
}
