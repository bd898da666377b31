//! What an import tells.

use dsmrd::import::dump::Problems;
use dsmrd::meter::Zone;
use dsmrd::store::intake::{Inherited, Verdicts};

/// An instant as the clocks of a zone show it.
pub(super) fn time(seconds: i64, zone: &Zone) -> String {
    let instant = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    instant.to_zoned(zone.time_zone().clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

pub(super) fn span(span: Option<(i64, i64)>, zone: &Zone) -> String {
    span.map_or_else(String::new, |(first, last)| format!("  {} to {}", time(first, zone), time(last, zone)))
}

/// What became of readings.
pub(super) fn verdicts(verdicts: &Verdicts, covered: u64, dry: bool, zone: &Zone) {
    let (put, stay) = if dry { ("would be put in", "would stay") } else { ("put in", "stays") };
    say!("readings {put}: {}{}", verdicts.new, span(verdicts.span, zone));
    let line = |count: u64, what: &str| {
        if count > 0 {
            say!("  {count} {what}");
        }
    };
    line(verdicts.there, "were there already");
    line(covered + verdicts.covered, "minutes and gas positions are told by readings");
    line(verdicts.thinned, "lie in hours whose readings were given up; left out");
    line(verdicts.refused, "are too large to be kept; left out");
    if verdicts.conflicts > 0 {
        say!(
            "  {} say something else than the record has of their second; what is there {stay}:",
            verdicts.conflicts
        );
        for conflict in &verdicts.first_conflicts {
            let at = time(conflict.time, zone);
            say!("    {at}  {}: {} there, {} in the file", conflict.what, conflict.ours, conflict.theirs);
        }
    }
}

/// What became of positions.
pub(super) fn inherited(inherited: &Inherited) {
    if *inherited == Inherited::default() {
        return;
    }
    say!("positions older than any reading: {} put in, {} there already", inherited.new, inherited.there);
    if inherited.conflicts > 0 {
        say!("  {} differ from what is there, which stays", inherited.conflicts);
    }
}

/// What could not be read.
pub(super) fn problems(problems: &Problems) {
    if problems.count == 0 {
        return;
    }
    let rows = if problems.count == 1 { "row" } else { "rows" };
    complain!("{} {rows} could not be read:", problems.count);
    for (line, what) in &problems.first {
        complain!("  line {line}: {what}");
    }
}
