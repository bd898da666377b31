//! From a value to its payload and to its place in the reading's JSON, whatever the format of payloads.

use super::super::slot::Topic;
use super::super::text;
use super::object::Object;
use crate::meter::reading::readable;
use crate::meter::{Kind, MeterTime, Reading, SwitchState, Unit, UnixMillis, message};
use crate::p1::Decimal;
use crate::publish::{Message, PayloadFormat};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    Number(Unit),
    /// A number of watts, which no field has.
    Watts,
    Text,
    /// The word for how a reading was proven.
    Proof,
    /// A list, as JSON.
    List,
    /// Money, with its unit.
    Money(&'a str),
}

impl<'a> Shape<'a> {
    fn unit(self) -> Option<&'a str> {
        match self {
            Self::Number(unit) => Some(unit.symbol()).filter(|symbol| !symbol.is_empty()),
            Self::Watts => Some("W"),
            Self::Money(unit) => Some(unit),
            Self::Text | Self::Proof | Self::List => None,
        }
    }
}

/// Writes values into payloads, and all of them into the reading's JSON.
#[derive(Debug)]
pub(super) struct Writer {
    format: PayloadFormat,
    pub(super) now: UnixMillis,
    seconds: i64,
    /// The reading's time.
    pub(super) time: Vec<u8>,
    /// The value to put next, as plain text.
    pub(super) value: Vec<u8>,
    payload: Vec<u8>,
    json: Vec<u8>,
}

impl Writer {
    pub(super) fn new(format: PayloadFormat) -> Self {
        Self {
            format,
            now: 0,
            seconds: 0,
            time: Vec::new(),
            value: Vec::new(),
            payload: Vec::new(),
            json: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, reading: &Reading) {
        self.now = reading.received_at;
        self.seconds = reading.utc_seconds();
        self.time.clear();
        text::utc(&mut self.time, self.seconds);
        self.value.clear();
        self.json.clear();
        self.json.push(b'{');
    }

    /// Writes what a text says; a tariff and the position of a switch are numbers.
    pub(super) fn text(&mut self, kind: Kind, bytes: &[u8], reading: &Reading) -> Shape<'static> {
        let number = match kind {
            Kind::Tariff => reading.tariff().map(u64::from),
            Kind::Switch => {
                let code = || std::str::from_utf8(bytes).ok()?.parse().ok();
                SwitchState::parse(bytes).map(|state| state.code().into()).or_else(code)
            }
            _ => None,
        };
        if let Some(number) = number {
            text::whole(&mut self.value, number);
            return Shape::Number(Unit::One);
        }
        match kind {
            Kind::Message => {
                self.value.extend_from_slice(message::decode(bytes).unwrap_or_default().as_bytes());
            }
            // Only identifiers and messages are written in hex; version 50 is not a "P".
            Kind::Id => self.readable(bytes),
            _ => self.value.extend(bytes.iter().map(|&b| if b.is_ascii() { b } else { b'?' })),
        }
        Shape::Text
    }

    /// Writes an identifier for people; some meters pad theirs with spaces.
    pub(super) fn readable(&mut self, bytes: &[u8]) {
        self.value.extend_from_slice(readable(bytes).trim().as_bytes());
    }

    /// Writes a time of the meter: an instant where it tells which, else its local time.
    pub(super) fn meter_time(&mut self, time: MeterTime) {
        match time.utc {
            Some(seconds) => text::utc(&mut self.value, seconds),
            None => text::local(&mut self.value, time.local),
        }
    }

    pub(super) fn put_number(
        &mut self,
        topic: &mut Option<Topic>,
        base: &str,
        name: &str,
        number: Option<(Decimal, Unit)>,
        out: &mut Vec<Message>,
    ) {
        match number {
            Some((value, unit)) => {
                text::decimal(&mut self.value, value);
                self.put(topic, base, name, Shape::Number(unit), out);
            }
            None => {
                if let Some(topic) = topic {
                    topic.miss(self.now, out);
                }
            }
        }
    }

    /// Puts a word, where there is one.
    pub(super) fn put_word(
        &mut self,
        topic: &mut Option<Topic>,
        base: &str,
        name: &str,
        word: Option<&str>,
        out: &mut Vec<Message>,
    ) {
        match (word, topic) {
            (Some(word), topic) => {
                self.value.extend_from_slice(word.as_bytes());
                self.put(topic, base, name, Shape::Text, out);
            }
            (None, Some(topic)) => topic.miss(self.now, out),
            (None, None) => {}
        }
    }

    /// Puts the value just written into its topic `<base>/<name>` and, unless it is a list, into the JSON.
    ///
    /// A list is long and changes once a month; within the JSON it would be sent with every telegram.
    pub(super) fn put(
        &mut self,
        topic: &mut Option<Topic>,
        base: &str,
        name: &str,
        shape: Shape<'_>,
        out: &mut Vec<Message>,
    ) {
        match shape {
            Shape::List => {}
            Shape::Number(_) | Shape::Watts | Shape::Money(_) => {
                self.key(name);
                self.json.extend_from_slice(&self.value);
            }
            Shape::Text | Shape::Proof => {
                self.key(name);
                text::json_string(&mut self.json, &String::from_utf8_lossy(&self.value));
            }
        }
        self.say(topic, || format!("{base}/{name}"), shape, out);
    }

    /// Puts the value just written into a topic alone.
    pub(super) fn say(
        &mut self,
        topic: &mut Option<Topic>,
        name: impl FnOnce() -> String,
        shape: Shape<'_>,
        out: &mut Vec<Message>,
    ) {
        let payload = match (self.format, shape) {
            // Graphite takes numbers alone.
            (PayloadFormat::ValueTimestamp, Shape::Text | Shape::List) => {
                self.value.clear();
                return;
            }
            // A text that says nothing: the topic is cleared.
            (_, Shape::Text) if self.value.is_empty() => {
                if let Some(topic) = topic {
                    topic.clear(out);
                }
                return;
            }
            (PayloadFormat::Value, _) | (PayloadFormat::ValueTimestamp, Shape::Proof) => &self.value,
            (PayloadFormat::ValueTimestamp, Shape::Number(_) | Shape::Watts | Shape::Money(_)) => {
                self.value.push(b' ');
                text::whole(&mut self.value, self.seconds.unsigned_abs());
                &self.value
            }
            (PayloadFormat::Json, shape) => {
                self.payload.clear();
                self.payload.extend_from_slice(b"{\"value\": ");
                match shape {
                    Shape::Text | Shape::Proof => {
                        text::json_string(&mut self.payload, &String::from_utf8_lossy(&self.value));
                    }
                    Shape::Number(_) | Shape::Watts | Shape::Money(_) | Shape::List => {
                        self.payload.extend_from_slice(&self.value);
                    }
                }
                if let Some(unit) = shape.unit() {
                    self.payload.extend_from_slice(b", \"unit\": \"");
                    self.payload.extend_from_slice(unit.as_bytes());
                    self.payload.push(b'"');
                }
                self.payload.extend_from_slice(b", \"time\": \"");
                self.payload.extend_from_slice(&self.time);
                self.payload.extend_from_slice(b"\"}");
                &self.payload
            }
        };
        topic.get_or_insert_with(|| Topic::new(&name())).say(payload, self.now, out);
        self.value.clear();
    }

    /// Says an object; Graphite takes none.
    pub(super) fn say_object(
        &mut self,
        topic: &mut Option<Topic>,
        name: impl FnOnce() -> String,
        object: &Object,
        out: &mut Vec<Message>,
    ) {
        if self.format != PayloadFormat::ValueTimestamp {
            topic.get_or_insert_with(|| Topic::new(&name())).say(object.bytes(), self.now, out);
        }
    }

    fn key(&mut self, name: &str) {
        if self.json.last() != Some(&b'{') {
            self.json.push(b',');
        }
        text::json_string(&mut self.json, name);
        self.json.push(b':');
    }

    /// Opens an object in the JSON.
    pub(super) fn open(&mut self, name: &str) {
        self.key(name);
        self.json.push(b'{');
    }

    /// Closes it.
    pub(super) fn close(&mut self) {
        self.json.push(b'}');
    }

    pub(super) fn finish(&mut self, topic: &mut Option<Topic>, base: &str, out: &mut Vec<Message>) {
        self.close();
        if self.format != PayloadFormat::ValueTimestamp {
            let topic = topic.get_or_insert_with(|| Topic::new(&format!("{base}/json")));
            topic.say(&self.json, self.now, out);
        }
    }
}
