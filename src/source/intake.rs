//! What becomes of the framer's events: readings to hand out, counts, and words for the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::identity::{Identity, Known, News};
use super::ledger::Ledger;
use super::line::Chooser;
use super::reader::Delivery;
use super::settings::SourceSettings;
use super::troubles::Troubles;
use crate::feed::MeterId;
use crate::meter::{Interpreter, InterpreterSettings, Reading, UnixMillis};
use crate::p1::Telegram;
use crate::p1::cipher::{CounterStep, Seal, Tag};
use crate::p1::frame::{Event, Frame, Proof, RejectReason, Rejected};
use crate::telemetry::MeterCounters;

/// A meter's clock that is further away than this deserves a word.
const ODD_CLOCK: Duration = Duration::from_secs(300);

/// What the events of a meter's framer change.
pub(super) struct Intake<D> {
    meter: MeterId,
    counters: Arc<MeterCounters>,
    deliver: D,
    settings: InterpreterSettings,
    interpreter: Interpreter,
    identity: Identity,
    pub(super) ledger: Ledger,
    pub(super) troubles: Troubles,
    /// The frame counter seen last, by system title; framers come and go, this stays.
    frame_counter: Option<([u8; 8], u32)>,
    link: Option<bool>,
    /// Whether the last good telegram had a CRC.
    pub(super) verified: Option<bool>,
    success: bool,
    swapped: bool,
    /// Whether the source is live, so that the meter's clock can be held against ours.
    live: bool,
    clock_told: bool,
    /// While what a server kept back is read: the newest reading of it.
    held: Option<Option<Reading>>,
}

impl<D: FnMut(Delivery)> Intake<D> {
    pub(super) fn new(
        meter: MeterId,
        settings: &SourceSettings,
        counters: Arc<MeterCounters>,
        deliver: D,
    ) -> Self {
        let interpreter = settings.interpreter();
        Self {
            meter,
            counters,
            deliver,
            interpreter: Interpreter::new(interpreter.clone()),
            settings: interpreter,
            identity: Identity::default(),
            ledger: Ledger::default(),
            troubles: Troubles::default(),
            frame_counter: None,
            link: None,
            verified: None,
            success: false,
            swapped: false,
            live: settings.url.is_live(),
            clock_told: false,
            held: None,
        }
    }

    /// Takes an event of the framer.
    pub(super) fn event(&mut self, event: Event<'_>, received_at: UnixMillis, chooser: &mut Chooser) {
        self.counters.frames.inc();
        match event {
            Event::Frame(frame) => self.frame(&frame, received_at, chooser),
            Event::Rejected(rejected) => self.rejected(&rejected, chooser),
        }
    }

    fn frame(&mut self, frame: &Frame<'_>, received_at: UnixMillis, chooser: &mut Chooser) {
        let telegram = Telegram::read(frame);
        if !is_credible(&telegram) {
            let (reason, bytes) = (RejectReason::NoCrc, frame.bytes().len());
            let rejected = Rejected { reason, offset: frame.offset(), bytes, seal: None };
            return self.rejected(&rejected, chooser);
        }
        let (noise, own) = self.ledger.event(frame.offset(), frame.wire().len());
        self.noise(noise);
        self.counters.delivered_bytes.add(own);
        let read = self.interpreter.interpret(&telegram, received_at);
        if self.identity.is_another(read.reading.equipment_id(), frame.proof()) {
            self.forget_the_meter();
        }
        let mut reading = read.reading;
        reading.raw = Some(frame.bytes().into());
        if let Some(seal) = frame.seal() {
            reading.wire = Some(frame.wire().into());
            self.sealed(seal);
        }
        self.counters.unrecognised_lines.add(read.unrecognised as u64);
        self.counters.unreadable_objects.add(read.unreadable as u64);
        if frame.proof() == Proof::Unauthenticated {
            self.counters.unauthenticated.inc();
        }
        let verified = frame.proof() != Proof::Absent;
        self.verified = Some(verified);
        self.success = true;
        self.troubles.telegram();
        chooser.telegram(verified);
        self.tell(frame, &reading);
        self.hand_out(reading);
    }

    fn rejected(&mut self, rejected: &Rejected, chooser: &mut Chooser) {
        let Rejected { reason, offset, bytes, seal } = *rejected;
        tracing::debug!(meter = %self.meter.name, %reason, bytes, "dropped a telegram");
        let (noise, own) = self.ledger.event(offset, bytes);
        self.noise(noise);
        self.counters.rejected_bytes.add(own);
        count(&self.counters, reason);
        self.troubles.rejected(reason);
        chooser.rejected();
        if seal.is_some() {
            chooser.sealed();
        }
    }

    /// Bytes that belong to no telegram.
    pub(super) fn noise(&mut self, bytes: u64) {
        self.counters.noise_bytes.add(bytes);
        self.troubles.noise(bytes);
    }

    /// A telegram came out of this frame. A counter that does not rise is flagged and no more: whoever can
    /// send old frames again would have to sit on the cable.
    fn sealed(&mut self, seal: &Seal) {
        let now = (seal.system_title, seal.frame_counter);
        let fell = self.frame_counter.is_some_and(|(title, counter)| title == now.0 && counter >= now.1);
        if fell || matches!(seal.counter, CounterStep::Repeated | CounterStep::Fell) {
            self.counters.counter_not_rising.inc();
            self.troubles.repeated();
        }
        self.frame_counter = Some(now);
    }

    /// What was learned of one meter is not true of another. (Its interpreter sees that by itself.)
    fn forget_the_meter(&mut self) {
        self.frame_counter = None;
        self.verified = None;
        self.clock_told = false;
        self.swapped = true;
    }

    fn tell(&mut self, frame: &Frame<'_>, reading: &Reading) {
        let country = self.interpreter.country();
        let known = Known::of(frame, reading, country);
        let Some(news) = self.identity.news(&known, Instant::now()) else { return };
        let ident = known.ident.escape_ascii();
        let equipment = known.equipment.as_deref().unwrap_or("unknown");
        let detection = self.interpreter.detection();
        let country = match self.settings.country {
            Some(country) => format!("{}: the configuration says so", country.name()),
            None => detection.to_string(),
        };
        let encrypted = match known.tag {
            None => "no",
            Some(Tag::Verified) => "yes",
            Some(Tag::VerifiedWithoutAuthKey) => "yes, with a tag that leaves the authentication key out",
            Some(Tag::Wrong | Tag::Missing | Tag::Unchecked) => "yes, with a tag that is not verified",
        };
        let meter = &self.meter.name;
        match news {
            News::First => {
                tracing::info!(%meter, %ident, equipment, country, encrypted, "the meter speaks");
            }
            News::Swapped => {
                tracing::info!(%meter, %ident, equipment, country, encrypted, "another meter is behind the port");
            }
            News::Changed => {
                tracing::info!(%meter, %ident, equipment, country, encrypted, "the meter tells something else of itself");
            }
        }
        if let (Some(set), Some(found)) = (self.settings.country, self.interpreter.contradiction()) {
            let (configured, telegrams) = (set.name(), found.to_string());
            tracing::warn!(%meter, configured, telegrams, "the country configured is not the meter's");
        }
    }

    /// Says that the meter's clock and ours do not agree: each time it goes beyond the tolerance, or else once.
    fn look_at_clock(&mut self, reading: &Reading) {
        let meter = &self.meter.name;
        let utc = reading.time.and_then(|time| time.utc);
        // A doubt of what a server kept back does not outlast it.
        if let Some(doubt) = self.interpreter.clock_doubt().filter(|_| utc.is_none()) {
            tracing::warn!(%meter, %doubt, "the meter's clock is doubted: the time of arrival counts");
        }
        let Some(utc) = utc else { return };
        let seconds_ahead = utc - reading.received_at.div_euclid(1_000);
        if !self.live || self.clock_told || seconds_ahead.unsigned_abs() <= ODD_CLOCK.as_secs() {
            return;
        }
        self.clock_told = true;
        let hint = if seconds_ahead < 0 {
            "it is believed; is our clock right, and does the source send telegrams at once? With \
             `clock_tolerance` ours counts"
        } else {
            "it is believed; is our clock right? With `clock_tolerance` ours counts"
        };
        tracing::warn!(%meter, seconds_ahead, hint, "the meter's clock and ours do not agree");
    }

    fn hand_out(&mut self, reading: Reading) {
        match &mut self.held {
            Some(held) => {
                if let Some(older) = held.replace(reading) {
                    self.late(older);
                }
            }
            None => self.live(reading),
        }
    }

    fn live(&mut self, reading: Reading) {
        self.look_at_clock(&reading);
        self.counters.delivered.inc();
        self.link(true);
        (self.deliver)(Delivery::Reading(reading));
    }

    /// A reading that a newer one followed at once: a server had kept it back. Without a time of its own
    /// nobody knows when it was. That it is old is no doubt of the meter's clock, whatever the tolerance made of it.
    fn late(&mut self, mut reading: Reading) {
        if let Some(time) = &mut reading.time
            && time.utc.is_none()
        {
            *time = self.interpreter.zone().meter_time(time.local);
        }
        if reading.time.is_none_or(|time| time.utc.is_none()) {
            self.counters.rejected_stale.inc();
            return;
        }
        self.counters.delivered.inc();
        self.counters.late.inc();
        (self.deliver)(Delivery::Late(reading));
    }

    /// What comes now may have been kept back: only the newest is live.
    pub(super) fn hold(&mut self) {
        self.held = Some(None);
    }

    /// Whether a reading is held.
    pub(super) fn holds(&self) -> bool {
        matches!(self.held, Some(Some(_)))
    }

    /// What was kept back has come: the newest is live, and so is all that follows.
    pub(super) fn release(&mut self) {
        if let Some(Some(reading)) = self.held.take() {
            self.live(reading);
        }
    }

    /// Tells whether telegrams come in, when that is news.
    pub(super) fn link(&mut self, up: bool) {
        if self.link != Some(up) {
            self.link = Some(up);
            (self.deliver)(Delivery::Link(up));
        }
    }

    /// Whether a telegram was good since the last call.
    pub(super) fn take_success(&mut self) -> bool {
        std::mem::take(&mut self.success)
    }

    /// Whether another meter was found since the last call.
    pub(super) fn take_swapped(&mut self) -> bool {
        std::mem::take(&mut self.swapped)
    }
}

/// Whether a telegram is one by its text, where no CRC says so: noise has a `/`, and somewhere behind it a line
/// that begins with `!`, a few times a day.
pub(super) fn is_credible(telegram: &Telegram<'_>) -> bool {
    telegram.proof() != Proof::Absent
        || telegram.objects().count() > telegram.unrecognised().len()
            && !telegram.ident().iter().any(u8::is_ascii_control)
}

/// Counts a rejected telegram by its reason.
pub(super) fn count(counters: &MeterCounters, reason: RejectReason) {
    match reason {
        RejectReason::Crc { .. } | RejectReason::CrcUnreadable { .. } => counters.rejected_crc.inc(),
        RejectReason::Truncated => counters.rejected_truncated.inc(),
        RejectReason::Oversize => counters.rejected_oversize.inc(),
        RejectReason::NoCrc => counters.rejected_no_crc.inc(),
        RejectReason::NoKey
        | RejectReason::WrongKey
        | RejectReason::WrongAuthKey
        | RejectReason::ForeignCipher => counters.rejected_key.inc(),
        RejectReason::DamagedCipher => counters.rejected_crc.inc(),
    }
}
