//! What a meter's task knows, and what it does with bytes: watch the line, frame them, hand readings out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::intake::Intake;
use super::inverted::InvertedWatch;
use super::ledger::Ledger;
use super::line::Chooser;
use super::parity::ParityWatch;
use super::reader::{Delivery, Setting};
use super::rhythm::Rhythm;
use super::settings::{LineSettings, SourceSettings};
use super::troubles::{Summary, Tally};
use crate::clock::Clock;
use crate::feed::MeterId;
use crate::p1::cipher::Keys;
use crate::p1::foreign::Watch;
use crate::p1::frame::{CrcPolicy, Framer, FramerSettings};
use crate::telemetry::MeterCounters;

/// Bytes without a good telegram after which the belief in parity bits is given up.
const MASKED_IN_VAIN: usize = 16_384;
/// What a server kept back comes without a pause; so much of one ends it. It is the delay of the first reading.
const HELD_PAUSE: Duration = Duration::from_millis(50);
/// A server that never pauses is live after this time.
const HELD_LONGEST: Duration = Duration::from_secs(5);

pub(super) struct Desk<D> {
    pub(super) meter: MeterId,
    pub(super) clock: Clock,
    pub(super) counters: Arc<MeterCounters>,
    pub(super) chooser: Chooser,
    pub(super) rhythm: Rhythm,
    /// When the last good telegram came, or the task began.
    pub(super) last_good: Instant,
    framer: Framer,
    limits: FramerSettings,
    keys: Option<Keys>,
    parity: Option<ParityWatch>,
    masked_in_vain: usize,
    inverted: InvertedWatch,
    foreign: Watch,
    bytes_in_vain: u64,
    told_silent: bool,
    told_parity: bool,
    opened: Instant,
    last_byte: Instant,
    intake: Intake<D>,
}

impl<D: FnMut(Delivery)> Desk<D> {
    pub(super) fn new(
        meter: MeterId,
        settings: &SourceSettings,
        chooser: Chooser,
        clock: Clock,
        counters: Arc<MeterCounters>,
        deliver: D,
    ) -> Self {
        let now = Instant::now();
        let limits =
            FramerSettings { max_bytes: settings.max_telegram, crc: CrcPolicy::Auto, mask_bit7: false };
        let intake = Intake::new(meter.clone(), settings, Arc::clone(&counters), deliver);
        Self {
            meter,
            clock,
            counters,
            chooser,
            rhythm: Rhythm::new(settings.silence),
            last_good: now,
            framer: Framer::new(limits).with_keys(settings.keys.clone()),
            limits,
            keys: settings.keys.clone(),
            parity: None,
            masked_in_vain: 0,
            inverted: InvertedWatch::default(),
            foreign: Watch::default(),
            bytes_in_vain: 0,
            told_silent: false,
            told_parity: false,
            opened: now,
            last_byte: now,
            intake,
        }
    }

    /// A source is open: the framer starts anew. `serial`: it is a line with a setting. `hoards`: it may begin
    /// with what it kept back while nobody was there.
    pub(super) fn opened(&mut self, line: LineSettings, serial: bool, hoards: bool) {
        let seven = serial && line.data_bits == 7;
        self.new_framer(seven);
        self.parity = (!seven).then(ParityWatch::default);
        self.inverted = InvertedWatch::default();
        self.foreign = Watch::default();
        self.opened = Instant::now();
        self.chooser.opened(self.opened);
        if hoards {
            self.intake.hold();
        }
    }

    fn new_framer(&mut self, mask_bit7: bool) {
        // What was open in the old one is lost to noise.
        let lost = self.intake.ledger.settle(0);
        self.intake.noise(lost);
        self.intake.ledger = Ledger::default();
        let settings = FramerSettings { mask_bit7, ..self.limits };
        self.framer = Framer::new(settings).with_keys(self.keys.clone());
        self.masked_in_vain = 0;
    }

    /// Bytes came: what they complete is handed out before anything else happens.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let received_at = self.clock.wall();
        self.last_byte = Instant::now();
        self.counters.bytes.add(bytes.len() as u64);
        self.bytes_in_vain += bytes.len() as u64;
        self.chooser.bytes(bytes, self.last_byte);
        self.watch_parity(bytes);
        self.watch_others(bytes);
        let good = self.counters.delivered.get();
        let Self { framer, intake, chooser, .. } = self;
        intake.ledger.pushed(bytes.len());
        framer.push(bytes, &mut |event| intake.event(event, received_at, chooser));
        // No telegram is longer than the limit, nor the frame around it by much.
        let lost = intake.ledger.settle(2 * self.limits.max_bytes as u64);
        intake.noise(lost);
        self.after(good);
    }

    /// Nothing came for a second. A telegram of a meter without CRC may end so; one with a CRC was held up on
    /// its way and goes on.
    pub(super) fn pause(&mut self) {
        self.chooser.burst_ended();
        if self.intake.verified != Some(true) {
            self.finish_framer();
        }
    }

    /// The source ended, or is given up: what is open is closed or rejected.
    pub(super) fn finish(&mut self) {
        self.chooser.burst_ended();
        self.finish_framer();
        self.release();
    }

    fn finish_framer(&mut self) {
        let received_at = self.clock.wall();
        let good = self.counters.delivered.get();
        let Self { framer, intake, chooser, .. } = self;
        framer.finish(&mut |event| intake.event(event, received_at, chooser));
        let lost = intake.ledger.settle(0);
        intake.noise(lost);
        self.after(good);
    }

    fn after(&mut self, good_before: u64) {
        let now = Instant::now();
        if self.intake.take_swapped() {
            self.rhythm.forget();
        }
        if self.counters.delivered.get() != good_before {
            self.last_good = now;
            self.rhythm.telegram(now);
            (self.masked_in_vain, self.bytes_in_vain) = (0, 0);
            self.foreign.reset();
            if std::mem::take(&mut self.told_silent) {
                tracing::info!(meter = %self.meter.name, "telegrams come in again");
            }
        }
        if let Some(line) = self.chooser.take_found() {
            tracing::info!(meter = %self.meter.name, line = %Setting(line), "found the line setting");
        }
        if let Some(summary) = self.intake.troubles.summary(now) {
            self.tell(&summary);
        }
    }

    fn tell(&self, summary: &Summary) {
        let Summary { tally, hint } = *summary;
        let Tally { crc, truncated, oversize, no_crc, key, repeated, noise_bytes, good } = tally;
        let meter = &self.meter.name;
        let damaged = crc + truncated + oversize + no_crc;
        if self.intake.troubles.is_foreign() {
            tracing::warn!(%meter, noise_bytes, good, hint, "another protocol than P1");
        } else if key > 0 && damaged == 0 {
            tracing::warn!(%meter, encrypted = key, noise_bytes, good, hint, "telegrams that cannot be decrypted");
        } else if damaged > 0 {
            tracing::warn!(
                %meter, crc, truncated, oversize, no_crc, key, repeated, noise_bytes, good, hint,
                "damaged telegrams"
            );
        } else if repeated > 0 {
            tracing::warn!(%meter, repeated, good, hint, "telegrams that may be old");
        } else {
            tracing::warn!(%meter, noise_bytes, good, hint, "bytes that are no telegram");
        }
    }

    fn watch_parity(&mut self, bytes: &[u8]) {
        match &mut self.parity {
            Some(watch) => {
                if !watch.look(bytes) {
                    return;
                }
                if !std::mem::replace(&mut self.told_parity, true) {
                    tracing::info!(meter = %self.meter.name, "the line carries parity bits, which are taken off");
                }
                self.intake.troubles.masked();
                self.new_framer(true);
                self.parity = None;
            }
            None => {
                self.masked_in_vain += bytes.len();
                if self.masked_in_vain > MASKED_IN_VAIN && self.chooser.current().data_bits == 8 {
                    self.new_framer(false);
                    self.parity = Some(ParityWatch::default());
                }
            }
        }
    }

    /// Looks for what is no P1 but can be named.
    fn watch_others(&mut self, bytes: &[u8]) {
        if let Some(protocol) = self.foreign.look(bytes) {
            self.counters.foreign.inc();
            self.intake.troubles.foreign(protocol);
            self.chooser.foreign();
        }
        if self.inverted.look(bytes) {
            self.intake.troubles.inverted();
        }
    }

    /// When a reading that is held goes out.
    pub(super) fn held_until(&self) -> Option<Instant> {
        let pause = self.last_byte + HELD_PAUSE;
        self.intake.holds().then(|| pause.min(self.opened + HELD_LONGEST))
    }

    /// Whether a reading was held for long enough: as nothing came behind it, or as that never ends.
    pub(super) fn is_held_enough(&self, now: Instant, nothing_came: bool) -> bool {
        let pause = nothing_came && now >= self.last_byte + HELD_PAUSE;
        self.intake.holds() && (pause || now >= self.opened + HELD_LONGEST)
    }

    /// Lets the reading that is held go.
    pub(super) fn release(&mut self) {
        let good = self.counters.delivered.get();
        self.intake.release();
        self.after(good);
    }

    /// Tells whether telegrams come in, when that is news.
    pub(super) fn link(&mut self, up: bool) {
        self.intake.link(up);
    }

    /// Whether a telegram was good since the last call.
    pub(super) fn take_success(&mut self) -> bool {
        self.intake.take_success()
    }

    /// The source is given up because no telegram came for too long.
    pub(super) fn silent(&mut self, now: Instant) {
        self.counters.silences.inc();
        self.chooser.lost();
        self.look_for_silence(now);
    }

    /// Whether no telegram came for too long, however often the source was opened meanwhile: told once.
    pub(super) fn look_for_silence(&mut self, now: Instant) {
        if now < self.last_good + self.rhythm.silence() {
            return;
        }
        let seconds = (now - self.last_good).as_secs();
        self.intake.link(false);
        let (meter, bytes) = (&self.meter.name, self.bytes_in_vain);
        if std::mem::replace(&mut self.told_silent, true) {
            tracing::debug!(%meter, seconds, bytes, "still no telegram");
        } else {
            let hint = if bytes == 0 {
                "nothing comes at all: is the cable in the meter's P1 port, and is the port switched on?"
            } else {
                self.intake.troubles.why_in_vain()
            };
            tracing::warn!(%meter, seconds, bytes, hint, "no telegram came");
        }
    }

    /// What came shows that the setting of the line is wrong: the next one is tried.
    pub(super) fn refuted(&mut self) {
        let line = Setting(self.chooser.current());
        tracing::debug!(meter = %self.meter.name, %line, "no telegrams at this line setting");
        self.chooser.next();
    }
}
