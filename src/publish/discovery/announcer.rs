//! Which documents are published, and which are removed.
//!
//! A document says what a meter's topics are at this moment. An entity whose topic was cleared is taken out, because
//! Home Assistant ignores an empty payload and would go on showing what was there before. What another run left
//! behind is heard as the connection is made, and removed as soon as it is plain that nobody needs it: at once
//! for a meter that is no longer configured, for others when another device speaks in their topics, and for a device
//! that is not heard of when its topics would have been cleared.

use std::sync::Arc;

use bytes::Bytes;

use super::appliance;
use super::document::Common;
use super::entity::Platform;
use super::leftover::Leftover;
use super::meter::{Meter, Plain};
use crate::meter::{Reading, UnixMillis};
use crate::publish::settings::Discovery;
use crate::publish::topic::level;
use crate::publish::{Context, Message, PayloadFormat};

/// How soon a document may follow one of the same device: Home Assistant drops what comes while it is busy.
const SETTLE_MILLIS: UnixMillis = 5_000;
/// How often a document is offered without a change: the queue decides what of it is sent.
const OFFER_MILLIS: UnixMillis = 60_000;
/// Telegrams that a device of an earlier run need not be in …
const PATIENCE_TELEGRAMS: u32 = 10;
/// … and for how long at least: as long as a topic that nobody confirms stays.
const PATIENCE_MILLIS: UnixMillis = 3_600_000;

/// Whose a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose<'a> {
    /// Of the meter of this level, below our prefix.
    Meter(&'a str),
    /// It does not tell.
    Nobody,
    /// Of topics with another prefix: those of another dsmrd on this machine, or ours before it was changed.
    Other,
}

/// A document that stands.
#[derive(Debug)]
struct Standing {
    object_id: String,
    topic: Arc<str>,
    payload: Bytes,
    parts: Vec<(String, Platform)>,
    /// Entities that were in it and are not any more.
    gone: Vec<(String, Platform)>,
    /// When it became what it is.
    at: UnixMillis,
}

#[derive(Debug)]
struct Place {
    meter: Meter,
    standing: Vec<Standing>,
    changed: bool,
    first_at: UnixMillis,
    offered_at: UnixMillis,
    telegrams: u32,
}

/// Where the topics of a layout are.
#[derive(Debug)]
pub(crate) struct Source {
    /// What they begin with.
    pub(crate) prefix: String,
    /// How values are written.
    pub(crate) format: PayloadFormat,
    /// See [`Plain`].
    pub(crate) plain: Plain,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Announcer {
    settings: Discovery,
    source: Source,
    places: Vec<Place>,
    leftovers: Vec<Leftover>,
}

impl Announcer {
    pub(crate) fn new(settings: &Discovery, source: Source) -> Self {
        Self { settings: settings.clone(), source, places: Vec::new(), leftovers: Vec::new() }
    }

    /// The filter of our own documents; none where there never were any.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        let Discovery { prefix, node, .. } = &self.settings;
        if node.is_empty() { Vec::new() } else { vec![format!("{prefix}/device/{node}/+/config")] }
    }

    fn topic(&self, object_id: &str) -> Arc<str> {
        let Discovery { prefix, node, .. } = &self.settings;
        format!("{prefix}/device/{node}/{object_id}/config").into()
    }

    fn object_id<'a>(&self, topic: &'a str) -> Option<&'a str> {
        let Discovery { prefix, node, .. } = &self.settings;
        let rest = topic.strip_prefix(&**prefix)?.strip_prefix("/device/")?.strip_prefix(&**node)?;
        let id = rest.strip_prefix('/')?.strip_suffix("/config")?;
        (!node.is_empty() && !id.is_empty() && !id.contains('/')).then_some(id)
    }

    fn clear(&self, object_id: &str) -> Message {
        Message { topic: self.topic(object_id), payload: Bytes::new() }
    }

    /// Appends the document of dsmrd itself.
    pub(crate) fn appliance(&self, out: &mut Vec<Message>) {
        if self.settings.enabled {
            let payload = appliance::document(&self.settings, &self.source.prefix);
            out.push(Message { topic: self.topic(appliance::OBJECT_ID), payload });
        }
    }

    /// Appends what there is to say of the messages of a reading, which are those from `from` on.
    pub(crate) fn observe(
        &mut self,
        context: Context<'_>,
        reading: &Reading,
        from: usize,
        out: &mut Vec<Message>,
    ) {
        if !self.settings.enabled {
            return;
        }
        let index = self.place(context.meter, reading.received_at);
        let place = &mut self.places[index];
        place.telegrams = place.telegrams.saturating_add(1);
        place.changed |= place.meter.take(reading, context.totals, self.source.plain, &out[from..]);
        let now = reading.received_at;
        let due = now.abs_diff(place.offered_at) >= OFFER_MILLIS.unsigned_abs();
        if place.changed {
            self.draw_up(index, now, out);
        } else if due {
            place.offered_at = now;
            let again = |standing: &Standing| Message {
                topic: Arc::clone(&standing.topic),
                payload: standing.payload.clone(),
            };
            out.extend(place.standing.iter().map(again));
        }
        if !self.leftovers.is_empty() {
            self.sweep(index, now, out);
        }
    }

    fn place(&mut self, name: &str, now: UnixMillis) -> usize {
        self.places.iter().position(|place| place.meter.name == name).unwrap_or_else(|| {
            let base = format!("{}/{}", self.source.prefix, level(name));
            self.places.push(Place {
                meter: Meter::new(name, base, self.source.format),
                standing: Vec::new(),
                changed: false,
                first_at: now,
                offered_at: now,
                telegrams: 0,
            });
            self.places.len() - 1
        })
    }

    /// Makes the documents of a meter anew, and says what changed.
    fn draw_up(&mut self, index: usize, now: UnixMillis, out: &mut Vec<Message>) {
        let mut standing = std::mem::take(&mut self.places[index].standing);
        let taken = |id: &str| {
            let others = self.places.iter().enumerate().filter(|(other, _)| *other != index);
            others.flat_map(|(_, place)| &place.standing).any(|standing| standing.object_id == id)
        };
        let meter = &self.places[index].meter;
        let drafts = meter.drafts(taken);
        standing.retain(|old| {
            let stays = drafts.iter().any(|draft| draft.object_id == old.object_id);
            if !stays {
                out.push(Message { topic: Arc::clone(&old.topic), payload: Bytes::new() });
            }
            stays
        });
        let common = Common {
            format: self.source.format,
            base: &meter.base,
            status_topic: &self.settings.status_topic,
            status_online: &self.settings.status_online,
            status_offline: &self.settings.status_offline,
        };
        let mut held_back = false;
        for draft in &drafts {
            let parts = draft.parts();
            let old = standing.iter_mut().find(|old| old.object_id == draft.object_id);
            let left = self.leftovers.iter().find(|left| left.object_id == draft.object_id);
            let before = old.as_ref().map(|old| old.parts.iter().chain(&old.gone));
            let before =
                before.into_iter().flatten().chain(left.into_iter().flat_map(|left| &left.components));
            let mut gone: Vec<(String, Platform)> =
                before.filter(|(key, _)| parts.iter().all(|(part, _)| part != key)).cloned().collect();
            gone.sort();
            gone.dedup();
            let payload = draft.write(common, &gone);
            match old {
                Some(old) if old.payload == payload => {}
                Some(old) if now.abs_diff(old.at) < SETTLE_MILLIS.unsigned_abs() => held_back = true,
                Some(old) => {
                    out.push(Message { topic: Arc::clone(&old.topic), payload: payload.clone() });
                    (old.payload, old.parts, old.gone, old.at) = (payload, parts, gone, now);
                }
                None => {
                    let topic = self.topic(&draft.object_id);
                    out.push(Message { topic: Arc::clone(&topic), payload: payload.clone() });
                    let object_id = draft.object_id.clone();
                    standing.push(Standing { object_id, topic, payload, parts, gone, at: now });
                }
            }
        }
        let place = &mut self.places[index];
        (place.standing, place.changed) = (standing, held_back);
    }

    /// Removes what an earlier run left of a meter, as far as that is plain.
    fn sweep(&mut self, index: usize, now: UnixMillis, out: &mut Vec<Message>) {
        let place = &self.places[index];
        let level = level(&place.meter.name);
        let patience = place.telegrams < PATIENCE_TELEGRAMS || now - place.first_at < PATIENCE_MILLIS;
        let mut leftovers = std::mem::take(&mut self.leftovers);
        leftovers.retain(|left| {
            if self.is_standing(&left.object_id) {
                return false;
            }
            if self.whose(left) != Whose::Meter(&level) {
                return true;
            }
            let stays = patience && !place.meter.shows(&left.topics);
            if !stays {
                out.push(self.clear(&left.object_id));
            }
            stays
        });
        self.leftovers = leftovers;
    }

    fn whose<'a>(&self, left: &'a Leftover) -> Whose<'a> {
        let Some(base) = left.base.as_deref() else { return Whose::Nobody };
        let meter = base.strip_prefix(&*self.source.prefix).and_then(|rest| rest.strip_prefix('/'));
        meter.filter(|level| !level.contains('/')).map_or(Whose::Other, Whose::Meter)
    }

    fn is_standing(&self, object_id: &str) -> bool {
        self.places.iter().flat_map(|place| &place.standing).any(|old| old.object_id == object_id)
    }

    /// Appends what there is to answer to a document that the broker kept.
    pub(crate) fn heard(&mut self, topic: &str, payload: &[u8], retained: bool, out: &mut Vec<Message>) {
        // What is not retained is our own voice.
        if !retained || payload.is_empty() {
            return;
        }
        let Some(object_id) = self.object_id(topic) else { return };
        let Some(left) = Leftover::read(object_id, payload) else { return };
        if object_id == appliance::OBJECT_ID {
            // Under another prefix it is that of another layout, or is said anew.
            if !self.settings.enabled && appliance::is_of(&left.topics, &self.source.prefix) {
                out.push(self.clear(object_id));
            }
            return;
        }
        if !self.settings.enabled {
            if self.whose(&left) != Whose::Other {
                out.push(self.clear(object_id));
            }
            return;
        }
        for place in &mut self.places {
            if let Some(standing) = place.standing.iter_mut().find(|old| old.object_id == object_id) {
                let known = |part: &(String, Platform)| {
                    standing.parts.iter().chain(&standing.gone).any(|(key, _)| *key == part.0)
                };
                let more: Vec<_> = left.components.into_iter().filter(|part| !known(part)).collect();
                place.changed |= !more.is_empty();
                standing.gone.extend(more);
                return;
            }
        }
        let stays = match self.whose(&left) {
            Whose::Meter(of) => self.settings.meters.iter().any(|name| *of == *level(name)),
            Whose::Nobody => false,
            // Under another prefix our meter has the same document: then it is taken over as it comes up.
            Whose::Other => true,
        };
        if stays {
            self.leftovers.retain(|other| other.object_id != left.object_id);
            self.leftovers.push(left);
        } else {
            out.push(self.clear(object_id));
        }
    }
}
