//! `dsmrd decode`: what telegrams say, as a table or as JSON; rejected ones go to standard error.

mod cell;
mod cipher;
mod json;
mod table;
mod typed;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use dsmrd::exit;
use dsmrd::meter::reading::latin1;
use dsmrd::meter::{Country, Detection, Interpreted, Interpreter, InterpreterSettings, Zone};
use dsmrd::p1::Telegram;
use dsmrd::p1::cipher::Keys;
use dsmrd::p1::foreign::{Protocol, Watch};
use dsmrd::p1::frame::{CrcPolicy, Event, Frame, Framer, FramerSettings, Rejected};

use super::Outcome;
use super::keys::KeyArgs;

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
    /// Also show what is known of telegrams that are rejected, beside the line on standard error.
    #[arg(long)]
    rejected: bool,
    #[command(flatten)]
    keys: KeyArgs,
    /// Show encrypted telegrams whose authentication tag is missing or wrong, too, when the CRC within is right.
    #[arg(long)]
    allow_unverified_tag: bool,
    /// Whose rules the meter follows; by default what the telegram's objects tell.
    #[arg(long, value_name = "CODE", value_parser = country())]
    country: Option<Country>,
    /// The meter's time zone, such as Europe/Brussels; by default that of its country.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Clear bit 7 of every byte: for recordings of a 7E1 line that was read as 8N1.
    #[arg(long)]
    mask_bit7: bool,
    /// Restore CR LF line ends where a recording was saved with LF alone; the CRC is over both.
    #[arg(long)]
    restore_crlf: bool,
}

/// A country by its code.
fn country() -> impl TypedValueParser<Value = Country> {
    PossibleValuesParser::new(Country::ALL.map(Country::code))
        .try_map(|code| code.parse().map_err(|()| "it is no code of a country"))
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
    interpreted: &'a Interpreted,
    /// Whose rules it was read by.
    country: Option<Country>,
    /// Whether the command line says so.
    told: bool,
    /// What its objects say of that.
    detection: &'a Detection,
    zone: &'a Zone,
}

impl Decoded<'_> {
    /// The CRC's verdict in a word.
    fn crc(&self) -> &'static str {
        self.frame.proof().name()
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let zone = args.timezone.as_deref().map(Zone::new).transpose()?;
    let decoder = Decoder {
        args,
        keys: args.keys.keys(args.allow_unverified_tag)?,
        interpretation: InterpreterSettings { country: args.country, zone, clock_tolerance_s: None },
    };
    let mut tally = Tally::default();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for path in &args.files {
        if decoder.file(path, &mut tally, &mut out)?.is_none() {
            // Whoever reads our output has enough.
            return Ok(exit::OK);
        }
    }
    if tally.delivered == 0 && tally.rejected == 0 && tally.foreign == 0 {
        complain!("dsmrd: no telegram found; a telegram begins with a line like /ISK5\\2M550T-1012");
    }
    let good = tally.delivered > 0 && tally.rejected == 0 && tally.foreign == 0;
    Ok(if good { exit::OK } else { exit::FAILURE })
}

#[derive(Debug, Default)]
struct Tally {
    delivered: usize,
    rejected: usize,
    /// Files that speak another protocol.
    foreign: usize,
}

/// What is the same for all files.
struct Decoder<'a> {
    args: &'a Args,
    keys: Option<Keys>,
    interpretation: InterpreterSettings,
}

impl Decoder<'_> {
    /// Decodes one file as it comes; `None` when nobody reads the output any more.
    fn file(&self, path: &Path, tally: &mut Tally, out: &mut impl Write) -> anyhow::Result<Option<()>> {
        let standard_input = path.as_os_str() == "-";
        let name = if standard_input { "standard input".to_owned() } else { path.display().to_string() };
        let mut input: Box<dyn Read> = if standard_input {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(path).with_context(|| format!("could not open {name}"))?)
        };
        let crc = match (self.args.require_crc, self.args.ignore_crc) {
            (true, _) => CrcPolicy::Require,
            (_, true) => CrcPolicy::Ignore,
            _ => CrcPolicy::Auto,
        };
        let settings = FramerSettings { crc, mask_bit7: self.args.mask_bit7, ..FramerSettings::default() };
        let mut framer = Framer::new(settings).with_keys(self.keys.clone());
        let mut file = OneFile {
            decoder: self,
            name: &name,
            shown: (!standard_input).then_some(name.as_str()),
            interpreter: Interpreter::new(self.interpretation.clone()),
            watch: Watch::default(),
            named: Vec::new(),
            tally,
            out,
            outcome: Ok(()),
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
            let bytes = &buffer[..count];
            let foreign = file.watch.look(bytes);
            let before = file.tally.delivered;
            let bytes = if self.args.restore_crlf { restore.apply(bytes) } else { bytes };
            framer.push(bytes, &mut |event| file.take(event));
            if file.tally.delivered > before {
                file.watch.reset();
            } else if let Some(protocol) = foreign {
                file.name_once(protocol);
            }
        }
        framer.finish(&mut |event| file.take(event));
        match file.outcome {
            Err(error) if is_broken_pipe(&error) => Ok(None),
            outcome => outcome.map(Some),
        }
    }
}

/// A file that is being decoded.
struct OneFile<'a, W> {
    decoder: &'a Decoder<'a>,
    name: &'a str,
    /// Its name, where it has one.
    shown: Option<&'a str>,
    interpreter: Interpreter,
    watch: Watch,
    /// The other protocols that were named.
    named: Vec<Protocol>,
    tally: &'a mut Tally,
    out: &'a mut W,
    outcome: anyhow::Result<()>,
}

impl<W: Write> OneFile<'_, W> {
    fn take(&mut self, event: Event<'_>) {
        if self.outcome.is_err() {
            return;
        }
        match event {
            Event::Frame(frame) => {
                self.tally.delivered += 1;
                self.outcome = self.show(&frame);
            }
            Event::Rejected(rejected) => {
                self.tally.rejected += 1;
                let Rejected { reason, offset, bytes, seal } = &rejected;
                let seal = seal.map_or_else(String::new, |seal| {
                    format!(
                        "; system title {}, frame counter {}",
                        hex(&seal.system_title),
                        seal.frame_counter
                    )
                });
                complain!(
                    "{}: telegram at byte {offset} rejected: {reason} ({bytes} bytes{seal})",
                    self.name
                );
                if self.decoder.args.rejected {
                    self.outcome = self.show_rejected(&rejected);
                }
            }
        }
    }

    /// Says once that the file is something else.
    fn name_once(&mut self, protocol: Protocol) {
        if !self.named.contains(&protocol) {
            self.named.push(protocol);
            self.tally.foreign += 1;
            complain!("{}: this is {protocol}", self.name);
        }
    }

    fn show(&mut self, frame: &Frame<'_>) -> anyhow::Result<()> {
        let telegram = Telegram::read(frame);
        let interpreted = self.interpreter.interpret(&telegram, 0);
        let decoded = Decoded {
            file: self.shown,
            frame,
            telegram: &telegram,
            interpreted: &interpreted,
            country: self.interpreter.country(),
            told: self.decoder.interpretation.country.is_some(),
            detection: self.interpreter.detection(),
            zone: self.interpreter.zone(),
        };
        match self.decoder.args.format {
            Format::Table => table::write(&decoded, self.out)?,
            Format::Json => self.line(&json::telegram(&decoded))?,
        }
        // A live stream is shown as it comes.
        self.out.flush()?;
        Ok(())
    }

    fn show_rejected(&mut self, rejected: &Rejected) -> anyhow::Result<()> {
        match self.decoder.args.format {
            Format::Table => table::rejected(self.shown, rejected, self.out)?,
            Format::Json => self.line(&json::rejected(self.shown, rejected))?,
        }
        self.out.flush()?;
        Ok(())
    }

    fn line(&mut self, json: &serde_json::Value) -> anyhow::Result<()> {
        serde_json::to_writer(&mut *self.out, json).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
