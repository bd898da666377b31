//! What a meter's task knows, and what it does with bytes: frame them, count them, hand readings out.

use std::sync::Arc;

use tokio::time::Instant;

use super::line::{Chooser, ParityWatch};
use super::reader::{Delivery, Setting};
use super::rhythm::Rhythm;
use super::settings::{LineSettings, SourceSettings};
use super::troubles::{Summary, Troubles};
use crate::clock::Clock;
use crate::feed::MeterId;
use crate::meter::zone::Zone;
use crate::meter::{UnixMillis, interpret};
use crate::p1::frame::{CrcPolicy, Event, Framer, FramerSettings, Proof, RejectReason};
use crate::telemetry::MeterCounters;

/// Bytes without a good telegram after which the belief in parity bits is given up.
const MASKED_IN_VAIN: usize = 16_384;

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
    parity: Option<ParityWatch>,
    masked_in_vain: usize,
    bytes_in_vain: u64,
    rest: Rest<D>,
}

/// What an event of the framer changes; apart from the framer, which is busy meanwhile.
struct Rest<D> {
    meter: MeterId,
    deliver: D,
    zone: Zone,
    troubles: Troubles,
    link: Option<bool>,
    /// Whether the last good telegram had a CRC.
    verified: Option<bool>,
    success: bool,
    told_silent: bool,
}

/// A zone by its name; the configuration has checked it, so that the fallback is for callers of the library.
pub(super) fn zone(name: &str) -> Zone {
    Zone::new(name).or_else(|_| Zone::new("Europe/Amsterdam")).expect("the zone database is compiled in")
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
        let limits =
            FramerSettings { max_bytes: settings.max_telegram, crc: CrcPolicy::Auto, mask_bit7: false };
        Self {
            clock,
            counters,
            chooser,
            rhythm: Rhythm::new(settings.silence),
            last_good: Instant::now(),
            framer: Framer::new(limits),
            limits,
            parity: None,
            masked_in_vain: 0,
            bytes_in_vain: 0,
            rest: Rest {
                meter: meter.clone(),
                deliver,
                zone: zone(settings.zone_name()),
                troubles: Troubles::default(),
                link: None,
                verified: None,
                success: false,
                told_silent: false,
            },
            meter,
        }
    }

    /// A source is open: the framer starts anew.
    pub(super) fn opened(&mut self, line: LineSettings, serial: bool) {
        let seven = serial && line.data_bits == 7;
        self.framer = Framer::new(FramerSettings { mask_bit7: seven, ..self.limits });
        self.parity = (!seven).then(ParityWatch::default);
        self.masked_in_vain = 0;
        self.chooser.opened();
    }

    /// Bytes came: what they complete is handed out before anything else happens.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let received_at = self.clock.wall();
        self.counters.bytes.add(bytes.len() as u64);
        self.bytes_in_vain += bytes.len() as u64;
        self.rest.troubles.bytes(bytes.len());
        self.chooser.bytes(bytes);
        self.watch_parity(bytes);
        let good = self.counters.delivered.get();
        let Self { framer, rest, counters, chooser, .. } = self;
        framer.push(bytes, &mut |event| rest.event(event, received_at, counters, chooser));
        self.after(good);
    }

    /// Nothing came for a second. A telegram of a meter without CRC may end so; one with a CRC was held up on
    /// its way and goes on.
    pub(super) fn pause(&mut self) {
        if self.rest.verified != Some(true) {
            self.finish();
        }
    }

    /// The source ended, or is given up: what is open is closed or rejected.
    pub(super) fn finish(&mut self) {
        let received_at = self.clock.wall();
        let good = self.counters.delivered.get();
        let Self { framer, rest, counters, chooser, .. } = self;
        framer.finish(&mut |event| rest.event(event, received_at, counters, chooser));
        self.after(good);
    }

    fn after(&mut self, good_before: u64) {
        let now = Instant::now();
        if self.counters.delivered.get() != good_before {
            self.last_good = now;
            self.rhythm.telegram(now);
            (self.masked_in_vain, self.bytes_in_vain) = (0, 0);
            if std::mem::take(&mut self.rest.told_silent) {
                tracing::info!(meter = %self.meter.name, "telegrams come in again");
            }
            if self.chooser.take_settled() {
                let line = self.chooser.current();
                tracing::info!(meter = %self.meter.name, line = %Setting(line), "found the line setting");
            }
        }
        if let Some(summary) = self.rest.troubles.summary(now) {
            let Summary { crc, truncated, oversize, no_crc, noise_bytes, good, hint } = summary;
            tracing::warn!(
                meter = %self.meter.name, crc, truncated, oversize, no_crc, noise_bytes, good, hint,
                "damaged telegrams"
            );
        }
    }

    fn watch_parity(&mut self, bytes: &[u8]) {
        match &mut self.parity {
            Some(watch) => {
                if !watch.look(bytes) {
                    return;
                }
                tracing::info!(meter = %self.meter.name, "the line carries parity bits, which are taken off");
                self.rest.troubles.masked();
                self.framer = Framer::new(FramerSettings { mask_bit7: true, ..self.limits });
                self.parity = None;
                self.masked_in_vain = 0;
            }
            None => {
                self.masked_in_vain += bytes.len();
                if self.masked_in_vain > MASKED_IN_VAIN && self.chooser.current().data_bits == 8 {
                    self.framer = Framer::new(self.limits);
                    self.parity = Some(ParityWatch::default());
                }
            }
        }
    }

    /// Tells whether telegrams come in, when that is news.
    pub(super) fn link(&mut self, up: bool) {
        self.rest.link(up);
    }

    /// Whether a telegram was good since the last call.
    pub(super) fn take_success(&mut self) -> bool {
        std::mem::take(&mut self.rest.success)
    }

    /// The source is given up because no telegram came: told once, counted every time.
    pub(super) fn silent(&mut self, now: Instant) {
        let seconds = (now - self.last_good).as_secs();
        if now >= self.last_good + self.rhythm.silence() {
            self.counters.silences.inc();
            self.rest.link(false);
            let (meter, bytes) = (&self.meter.name, self.bytes_in_vain);
            if std::mem::replace(&mut self.rest.told_silent, true) {
                tracing::debug!(meter = %meter, seconds, bytes, "still no telegram");
            } else {
                let hint = if bytes == 0 {
                    "nothing comes at all: is the cable in the meter's P1 port, and is the port switched on?"
                } else {
                    "bytes come, but no telegram: check `line` and the cable"
                };
                tracing::warn!(meter = %meter, seconds, bytes, hint, "no telegram came");
            }
        }
        if self.chooser.trying() {
            self.chooser.next();
        } else {
            self.chooser.lost();
        }
    }
}

impl<D: FnMut(Delivery)> Rest<D> {
    fn event(
        &mut self,
        event: Event<'_>,
        received_at: UnixMillis,
        counters: &MeterCounters,
        chooser: &mut Chooser,
    ) {
        counters.frames.inc();
        match event {
            Event::Frame(frame) => {
                let mut read = interpret::read(&frame, &self.zone, received_at);
                read.reading.raw = Some(frame.bytes().into());
                self.link(true);
                (self.deliver)(Delivery::Reading(read.reading));
                counters.delivered.inc();
                counters.unrecognised_lines.add(read.unrecognised as u64);
                let verified = frame.proof() == Proof::Verified;
                self.verified = Some(verified);
                self.success = true;
                self.troubles.telegram();
                chooser.telegram(verified);
            }
            Event::Rejected(rejected) => {
                let (reason, bytes) = (rejected.reason, rejected.bytes);
                tracing::debug!(meter = %self.meter.name, %reason, bytes, "dropped a telegram");
                count(counters, rejected.reason);
                self.troubles.rejected(rejected.reason);
                chooser.rejected();
            }
        }
    }

    fn link(&mut self, up: bool) {
        if self.link != Some(up) {
            self.link = Some(up);
            (self.deliver)(Delivery::Link(up));
        }
    }
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
