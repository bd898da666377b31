//! `dsmrd decode`: what telegrams say, as a table or as JSON; rejected ones go to standard error.

mod json;
mod table;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use dsmrd::exit;
use dsmrd::meter::Zone;
use dsmrd::meter::zone::zone_of;
use dsmrd::p1::frame::{CrcPolicy, Event, Frame, Framer, FramerSettings};
use dsmrd::p1::{Proof, Telegram};

use super::Outcome;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files with telegrams as the meter sent them; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,
    /// How to show them: a table for people, or one JSON object a line.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Reject telegrams without a CRC, as DSMR 2 and 3 send them.
    #[arg(long, conflicts_with = "ignore_crc")]
    require_crc: bool,
    /// Show telegrams whose CRC is wrong, too.
    #[arg(long)]
    ignore_crc: bool,
    /// The meter's time zone, such as Europe/Brussels; by default what the telegram's objects tell, else
    /// Central European.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Clear bit 7 of every byte: for recordings of a 7E1 line that was read as 8N1.
    #[arg(long)]
    mask_bit7: bool,
    /// Restore CR LF line ends where a recording was saved with LF alone; the CRC is over both.
    #[arg(long)]
    restore_crlf: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// A telegram with all that its two views need.
struct Decoded<'a> {
    file: Option<&'a str>,
    frame: &'a Frame<'a>,
    telegram: &'a Telegram<'a>,
    zone: &'a Zone,
}

impl Decoded<'_> {
    /// The CRC's verdict in a word.
    fn crc(&self) -> &'static str {
        match self.frame.proof() {
            Proof::Verified => "verified",
            Proof::Absent => "absent",
            Proof::Failed => "failed",
            Proof::Unauthenticated => "unauthenticated",
        }
    }
}

/// The zone asked for, or the one each telegram speaks for; those seen are kept.
struct Zones {
    fixed: Option<Zone>,
    seen: Vec<(&'static str, Zone)>,
}

impl Zones {
    fn of(&mut self, telegram: &Telegram<'_>) -> anyhow::Result<Zone> {
        if let Some(zone) = &self.fixed {
            return Ok(zone.clone());
        }
        let name = zone_of(telegram);
        if let Some((_, zone)) = self.seen.iter().find(|(seen, _)| *seen == name) {
            return Ok(zone.clone());
        }
        let zone = Zone::new(name)?;
        self.seen.push((name, zone.clone()));
        Ok(zone)
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let fixed = args.timezone.as_deref().map(Zone::new).transpose()?;
    let mut zones = Zones { fixed, seen: Vec::new() };
    let mut tally = Tally::default();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for path in &args.files {
        if decode(path, args, &mut zones, &mut tally, &mut out)?.is_none() {
            // Whoever reads our output has enough.
            return Ok(exit::OK);
        }
    }
    if tally.delivered == 0 && tally.rejected == 0 {
        complain!("dsmrd: no telegram found; a telegram begins with a line like /ISK5\\2M550T-1012");
    }
    Ok(if tally.delivered > 0 && tally.rejected == 0 { exit::OK } else { exit::FAILURE })
}

#[derive(Debug, Default)]
struct Tally {
    delivered: usize,
    rejected: usize,
}

/// Decodes one file as it comes; `None` when nobody reads the output any more.
fn decode(
    path: &Path,
    args: &Args,
    zones: &mut Zones,
    tally: &mut Tally,
    out: &mut impl Write,
) -> anyhow::Result<Option<()>> {
    let standard_input = path.as_os_str() == "-";
    let name = if standard_input { "standard input".to_owned() } else { path.display().to_string() };
    let mut input: Box<dyn Read> = if standard_input {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("could not open {name}"))?)
    };
    let crc = match (args.require_crc, args.ignore_crc) {
        (true, _) => CrcPolicy::Require,
        (_, true) => CrcPolicy::Ignore,
        _ => CrcPolicy::Auto,
    };
    let mut framer =
        Framer::new(FramerSettings { crc, mask_bit7: args.mask_bit7, ..FramerSettings::default() });
    let mut outcome: anyhow::Result<()> = Ok(());
    let mut on = |event: Event<'_>| {
        if outcome.is_err() {
            return;
        }
        match event {
            Event::Frame(frame) => {
                tally.delivered += 1;
                let file = (!standard_input).then_some(name.as_str());
                outcome = show(&frame, file, args.format, zones, out);
            }
            Event::Rejected(rejected) => {
                tally.rejected += 1;
                let (offset, reason, bytes) = (rejected.offset, rejected.reason, rejected.bytes);
                complain!("{name}: telegram at byte {offset} rejected: {reason} ({bytes} bytes)");
            }
        }
    };
    let mut buffer = vec![0; 64 * 1024];
    let mut restore = RestoreCrlf::default();
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(|| format!("could not read {name}")),
        };
        if args.restore_crlf {
            framer.push(restore.apply(&buffer[..count]), &mut on);
        } else {
            framer.push(&buffer[..count], &mut on);
        }
    }
    framer.finish(&mut on);
    match outcome {
        Err(error) if is_broken_pipe(&error) => Ok(None),
        outcome => outcome.map(Some),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn show(
    frame: &Frame<'_>,
    file: Option<&str>,
    format: Format,
    zones: &mut Zones,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let telegram = Telegram::read(frame);
    let zone = zones.of(&telegram)?;
    let decoded = Decoded { file, frame, telegram: &telegram, zone: &zone };
    match format {
        Format::Table => table::write(&decoded, out)?,
        Format::Json => {
            serde_json::to_writer(&mut *out, &json::telegram(&decoded)).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    // A live stream is shown as it comes.
    out.flush()?;
    Ok(())
}

/// Puts a CR before every LF that has none.
#[derive(Debug, Default)]
struct RestoreCrlf {
    restored: Vec<u8>,
    after_cr: bool,
}

impl RestoreCrlf {
    fn apply(&mut self, bytes: &[u8]) -> &[u8] {
        self.restored.clear();
        for &byte in bytes {
            if byte == b'\n' && !self.after_cr {
                self.restored.push(b'\r');
            }
            self.restored.push(byte);
            self.after_cr = byte == b'\r';
        }
        &self.restored
    }
}

/// Bytes as text, one character a byte (Latin-1), as they are.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_restored_across_chunks() {
        let mut restore = RestoreCrlf::default();
        let all: Vec<u8> = [&b"a\nb\r"[..], b"\nc\n", b"\n"]
            .iter()
            .flat_map(|chunk| restore.apply(chunk).to_vec())
            .collect();
        assert_eq!(all, b"a\r\nb\r\nc\r\n\r\n");
    }
}
