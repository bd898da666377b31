//! A recording as an iterator: its telegrams as readings of their own time, in bounded memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::OpenError;
use super::intake::{count, is_credible};
use super::parity::ParityWatch;
use crate::meter::{Interpreter, InterpreterSettings, Reading, UnixMillis};
use crate::p1::Telegram;
use crate::p1::cipher::{CounterStep, Keys};
use crate::p1::foreign::{Protocol, Watch};
use crate::p1::frame::{CrcPolicy, Event, Frame, Framer, FramerSettings, Proof, RejectReason, Rejected};
use crate::telemetry::MeterCounters;

const CHUNK: usize = 16_384;
/// How often meters without a clock of their own (DSMR 2 and 3) send.
const INTERVAL: UnixMillis = 10_000;

/// A telegram of a recording.
#[derive(Debug)]
pub struct Replayed {
    /// What it says. `received_at` is the meter's own time; of meters without a clock, ten seconds after the
    /// telegram before.
    pub reading: Reading,
    /// How many bytes of the recording are dealt with; against [`Recording::length`] it tells the progress.
    pub offset: u64,
}

/// A recording that is being read.
pub struct Recording {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    length: Option<u64>,
    read: u64,
    buffer: Vec<u8>,
    framer: Framer,
    limits: FramerSettings,
    keys: Option<Keys>,
    parity: Option<ParityWatch>,
    foreign: Watch,
    /// Whether the recording has lost its carriage returns, which a CRC covers. Unknown before the first bytes.
    restore_returns: Option<bool>,
    ready: VecDeque<Reading>,
    state: State,
    ended: bool,
}

struct State {
    interpreter: Interpreter,
    counters: Arc<MeterCounters>,
    /// The time of the next telegram without one.
    clockless: UnixMillis,
    foreign: Option<Protocol>,
    first_rejected: Option<Rejected>,
}

impl Recording {
    /// Opens the recording at `path`, `-` for standard input. Telegrams over `max_telegram` bytes are rejected;
    /// `keys` open those that are encrypted; `settings` is what is known of the meter. Its clock is believed
    /// whatever it says, since ours knows nothing of the recording's day. Where telegrams carry no time, the
    /// first is taken to be of `start`. Telegrams are counted in `counters` as they would be when read from a
    /// port.
    ///
    /// # Errors
    ///
    /// [`OpenError::Recording`].
    pub fn open(
        path: &Path,
        max_telegram: usize,
        settings: InterpreterSettings,
        keys: Option<Keys>,
        start: UnixMillis,
        counters: Arc<MeterCounters>,
    ) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Recording { path: path.to_owned(), error };
        let (input, length): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if metadata.is_dir() {
                return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
            }
            (Box::new(file), metadata.is_file().then_some(metadata.len()))
        };
        let mut recording = Self::of(path, input, max_telegram, settings, keys, start, counters);
        recording.length = length;
        Ok(recording)
    }

    /// The same of what is read from elsewhere; `path` is its name.
    pub fn of(
        path: &Path,
        input: Box<dyn Read + Send>,
        max_telegram: usize,
        settings: InterpreterSettings,
        keys: Option<Keys>,
        start: UnixMillis,
        counters: Arc<MeterCounters>,
    ) -> Self {
        let limits = FramerSettings { max_bytes: max_telegram, crc: CrcPolicy::Auto, mask_bit7: false };
        Self {
            path: path.to_owned(),
            input,
            length: None,
            read: 0,
            buffer: vec![0; CHUNK],
            framer: Framer::new(limits).with_keys(keys.clone()),
            limits,
            keys,
            parity: Some(ParityWatch::default()),
            foreign: Watch::default(),
            restore_returns: None,
            ready: VecDeque::new(),
            state: State {
                interpreter: Interpreter::new(InterpreterSettings { clock_tolerance_s: None, ..settings }),
                counters,
                clockless: start,
                foreign: None,
                first_rejected: None,
            },
            ended: false,
        }
    }

    /// Where it is read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes, where it is a file.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The first telegram that was rejected, for a message; the counters tell how many there were.
    pub fn first_rejected(&self) -> Option<Rejected> {
        self.state.first_rejected
    }

    /// The other protocol that was heard last, for a message.
    pub fn foreign(&self) -> Option<Protocol> {
        self.state.foreign
    }

    fn more(&mut self) -> io::Result<()> {
        let read = match self.input.read(&mut self.buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            read => read?,
        };
        self.state.counters.bytes.add(read as u64);
        let Self { framer, state, ready, .. } = self;
        if read == 0 {
            self.ended = true;
            framer.finish(&mut |event: Event<'_>| state.event(event, ready));
            return Ok(());
        }
        let bytes = &self.buffer[..read];
        self.read += read as u64;
        if let Some(protocol) = self.foreign.look(bytes) {
            state.counters.foreign.inc();
            state.foreign = Some(protocol);
        }
        if self.parity.as_mut().is_some_and(|watch| watch.look(bytes)) {
            // These bytes are the first to be read without their parity bits.
            let settings = FramerSettings { mask_bit7: true, ..self.limits };
            *framer = Framer::new(settings).with_keys(self.keys.clone());
            self.parity = None;
        }
        let restore = *self.restore_returns.get_or_insert_with(|| lost_its_returns(bytes));
        let on = &mut |event: Event<'_>| state.event(event, ready);
        if restore {
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                match line.strip_suffix(b"\n") {
                    Some(text) => {
                        framer.push(text, on);
                        framer.push(b"\r\n", on);
                    }
                    None => framer.push(line, on),
                }
            }
        } else {
            framer.push(bytes, on);
        }
        Ok(())
    }
}

/// Whether these bytes are text whose carriage returns went lost. An encrypted telegram is no text, and a return
/// may have a parity bit.
fn lost_its_returns(bytes: &[u8]) -> bool {
    const RETURN_WITH_PARITY: u8 = b'\r' | 0x80;
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\t') || *byte == RETURN_WITH_PARITY;
    bytes.contains(&b'\n') && !bytes.iter().any(control)
}

impl State {
    fn event(&mut self, event: Event<'_>, ready: &mut VecDeque<Reading>) {
        self.counters.frames.inc();
        match event {
            Event::Frame(frame) => {
                let telegram = Telegram::read(&frame);
                if is_credible(&telegram) {
                    ready.push_back(self.telegram(&telegram, &frame));
                } else {
                    let (reason, bytes) = (RejectReason::NoCrc, frame.bytes().len());
                    self.rejected(Rejected { reason, offset: frame.offset(), bytes, seal: None });
                }
            }
            Event::Rejected(rejected) => self.rejected(rejected),
        }
    }

    fn rejected(&mut self, rejected: Rejected) {
        count(&self.counters, rejected.reason);
        self.first_rejected.get_or_insert(rejected);
    }

    fn telegram(&mut self, telegram: &Telegram<'_>, frame: &Frame<'_>) -> Reading {
        let read = self.interpreter.interpret(telegram, self.clockless);
        let mut reading = read.reading;
        let own = reading.time.and_then(|time| time.utc).map(|utc| utc * 1_000);
        reading.received_at = own.unwrap_or(self.clockless);
        self.clockless = reading.received_at + INTERVAL;
        reading.raw = Some(frame.bytes().into());
        if let Some(seal) = frame.seal() {
            reading.wire = Some(frame.wire().into());
            if matches!(seal.counter, CounterStep::Repeated | CounterStep::Fell) {
                self.counters.counter_not_rising.inc();
            }
        }
        if frame.proof() == Proof::Unauthenticated {
            self.counters.unauthenticated.inc();
        }
        self.counters.delivered.inc();
        self.counters.unrecognised_lines.add(read.unrecognised as u64);
        self.counters.unreadable_objects.add(read.unreadable as u64);
        reading
    }
}

impl Iterator for Recording {
    type Item = io::Result<Replayed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(reading) = self.ready.pop_front() {
                return Some(Ok(Replayed { reading, offset: self.read }));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.more() {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("path", &self.path)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::p1::cipher::{Envelope, Key, seal};
    use crate::source::simulate::Simulator;

    fn replayed(bytes: &[u8]) -> (Vec<Replayed>, Arc<MeterCounters>, Option<Rejected>) {
        replayed_with(bytes, None)
    }

    fn replayed_with(
        bytes: &[u8],
        keys: Option<Keys>,
    ) -> (Vec<Replayed>, Arc<MeterCounters>, Option<Rejected>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let counters = Arc::<MeterCounters>::default();
        let mut recording = Recording::open(
            file.path(),
            8_192,
            InterpreterSettings::default(),
            keys,
            5_000,
            Arc::clone(&counters),
        )
        .unwrap();
        assert_eq!(recording.length(), Some(bytes.len() as u64));
        let all = recording.by_ref().collect::<io::Result<Vec<_>>>().unwrap();
        (all, counters, recording.first_rejected())
    }

    fn recorded(seconds: usize) -> Vec<u8> {
        let mut simulator = Simulator::new(3, 1_720_000_000);
        (0..seconds).flat_map(|_| simulator.next_telegram()).collect()
    }

    #[test]
    fn every_telegram_comes_with_its_own_time() {
        let (all, counters, rejected) = replayed(&recorded(100));
        let times: Vec<_> = all.iter().map(|item| item.reading.received_at).collect();
        assert_eq!(times, (0..100).map(|n| (1_720_000_000 + n) * 1_000).collect::<Vec<_>>());
        assert!(all.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
        assert_eq!((counters.frames.get(), counters.delivered.get(), rejected), (100, 100, None));
    }

    #[test]
    fn damaged_telegrams_are_counted_and_the_rest_is_read() {
        let mut bytes = recorded(10);
        let place = bytes.len() / 2 + 300;
        bytes[place] ^= 1;
        let (all, counters, rejected) = replayed(&bytes);
        assert_eq!((all.len(), counters.frames.get(), counters.rejected_crc.get()), (9, 10, 1));
        assert!(rejected.is_some());
    }

    #[test]
    fn a_recording_that_lost_its_carriage_returns_is_read() {
        let bytes: Vec<u8> = recorded(40).into_iter().filter(|&byte| byte != b'\r').collect();
        assert_eq!(replayed(&bytes).0.len(), 40);
    }

    #[test]
    fn telegrams_without_a_clock_are_ten_seconds_apart() {
        let telegram = b"/ISk5\\2MT382-1000\r\n\r\n1-0:1.7.0(0000.10*kW)\r\n!\r\n";
        let (all, ..) = replayed(&telegram.repeat(3));
        let times: Vec<_> = all.iter().map(|item| item.reading.received_at).collect();
        assert_eq!(times, [5_000, 15_000, 25_000]);
    }

    #[test]
    fn parity_bits_of_a_recording_are_taken_off() {
        let plain =
            b"/ISk5\\2MT382-1000\r\n\r\n1-0:1.8.1(00001.001*kWh)\r\n1-0:1.7.0(0000.10*kW)\r\n!\r\n".repeat(8);
        let coded: Vec<u8> =
            plain.iter().map(|&byte| if byte.count_ones() % 2 == 1 { byte | 0x80 } else { byte }).collect();
        assert_eq!(replayed(&coded).0.len(), 8);
    }

    #[test]
    fn encrypted_recordings_are_opened_with_their_key() {
        let keys = Keys::new(Key::new(*b"sixteen letters!"));
        let mut simulator = Simulator::new(3, 1_720_000_000);
        let mut frame =
            |counter| seal(&simulator.next_telegram(), &Envelope::new(*b"SAG50001", counter), &keys);
        let frames = [frame(5), frame(6), frame(4)];
        let (all, counters, _) = replayed_with(&frames.concat(), Some(keys.clone()));
        assert_eq!(all.len(), 3);
        assert_eq!(all[1].reading.wire.as_deref(), Some(&frames[1][..]));
        assert_eq!(counters.counter_not_rising.get(), 1);
        let (none, counters, rejected) = replayed(&frames.concat());
        assert_eq!((none.len(), counters.rejected_key.get()), (0, 3));
        assert_eq!(rejected.map(|rejected| rejected.reason), Some(RejectReason::NoKey));
    }

    #[test]
    fn another_protocol_and_noise_deliver_nothing() {
        let sml = [&[0x1B; 4][..], &[1; 4], &[0x76, 5, 0, 0x62].repeat(40)].concat();
        let (none, counters, _) = replayed(&sml);
        assert_eq!((none.len(), counters.foreign.get()), (0, 1));
        // It looks like a telegram without a CRC to whoever looks at its ends alone.
        let (none, counters, _) = replayed(b"/\x07 x\r\n some noise\r\n!\r\n");
        assert_eq!((none.len(), counters.rejected_no_crc.get()), (0, 1));
    }

    #[test]
    fn a_recording_that_is_not_there_is_named() {
        let counters = Arc::<MeterCounters>::default();
        let error = Recording::open(
            Path::new("/nowhere/a.txt"),
            8_192,
            InterpreterSettings::default(),
            None,
            0,
            counters,
        )
        .unwrap_err();
        assert!(error.to_string().contains("/nowhere/a.txt: cannot open the recording"), "{error}");
    }
}
