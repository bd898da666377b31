//! The page of topics, `TOPICS.rst`, made of the table.

use std::fmt::Write;

use super::table::{Row, Section, sections};

const HEAD: &str = "\
======
Topics
======

.. Made of the table in src/publish/layout/native; DSMRD_UPDATE=1 cargo test --test it topics makes it anew.

Every topic of the layout ``dsmrd``, below ``dsmrd/home/`` where ``dsmrd`` is the ``prefix`` of the broker and ``home``
the name of the meter. A meter has those of the objects that it sends, and no others; ``dsmrd topics --config FILE``
prints yours. What a payload looks like, and which of these most people use, stands in
`README.rst <README.rst#topics>`__.

``_l1`` stands for the phases, ``_t1`` for the tariffs, ``_q1`` for the quadrants, ``gas`` for what devices measure.

Two topics are of no meter: ``dsmrd/status``, whether dsmrd lives, and ``dsmrd/store``, whether readings can be stored:
``{\"state\": \"ok\", \"problem\": null, \"since\": null, \"waiting\": 0, \"lost\": 0, \"backup\": null}``. Where something is wrong
``state`` is ``closed`` (the record cannot be opened), ``gone`` (its files were deleted or moved, or their medium was
taken away), ``journal`` or ``database`` (it cannot be written) or ``slow``; ``problem`` is what the system says, ``since``
when it began, ``waiting`` how many readings are in memory alone, and ``lost`` how many were dropped since the start. With
a ``[backup]`` in the configuration ``backup`` is ``{\"last\": \"2026-11-21T03:00:00Z\", \"problem\": null}``: when the
newest good backup was made, and what is wrong with them since the last attempt. It is sent when that changes, and while
something is wrong each minute.

A topic whose value the meter no longer sends is cleared after ten telegrams and an hour without it.

*For* names who reads it. *Sent* is when, as far as the payload changed: with each ``telegram``; every ``10 s`` or every
``minute`` of the meter's clock, and at once as its period begins; at once on each ``change``; with the ``link`` to the
meter. All of them are sent when the connection is made, and again once ``refresh_after`` is over, an hour by default.

.. contents::
   :local:
   :depth: 1
";

const COLUMNS: [&str; 7] = ["Topic", "OBIS", "Unit", "Meaning", "For", "Retained", "Sent"];

/// The page, in reStructuredText.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for section in sections() {
        write_section(&mut page, section);
    }
    page
}

/// The cells of a row, in the order of the columns.
pub fn cells(row: &'static Row) -> [String; 7] {
    let obis = row.obis().map_or_else(String::new, |obis| obis.to_string());
    let (meaning, reader) = (row.meaning.to_owned(), row.reader.to_owned());
    // Events are not retained, and none of these is one.
    [row.topic.to_owned(), obis, row.unit(), meaning, reader, "yes".to_owned(), row.sent.name().to_owned()]
}

fn write_section(page: &mut String, section: &'static Section) {
    let bar = "=".repeat(section.title.len());
    // To write into a string does not fail.
    let _ = write!(page, "\n{}\n{bar}\n\n", section.title);
    if !section.intro.is_empty() {
        let _ = write!(page, "{}\n\n", section.intro);
    }
    let rows: Vec<[String; 7]> = section
        .rows
        .iter()
        .map(|row| {
            let mut cells = cells(row);
            cells[0] = format!("``{}``", cells[0]);
            cells
        })
        .collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(COLUMNS[column].len())
        })
        .collect();
    let border = widths.iter().map(|width| "=".repeat(*width)).collect::<Vec<_>>().join(" ");
    let mut line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        page.push_str(padded.collect::<Vec<_>>().join(" ").trim_end());
        page.push('\n');
    };
    line(std::slice::from_ref(&border));
    line(&COLUMNS.map(str::to_owned));
    line(std::slice::from_ref(&border));
    rows.iter().for_each(|row| line(row));
    line(&[border]);
}
