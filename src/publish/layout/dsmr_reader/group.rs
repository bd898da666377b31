//! Fields that are said together: each in a topic of its own, and all of them as JSON.

use super::super::slot::Topic;
use super::super::text;
use crate::publish::Message;

/// Where a field goes.
#[derive(Debug)]
pub(super) struct Place {
    /// Its key in the JSON with what stands around it, `"id": `.
    key: Option<Box<[u8]>>,
    topic: Option<Topic>,
}

impl Place {
    pub(super) fn new(key: Option<&str>, topic: Option<Topic>) -> Self {
        let key = key.map(|key| {
            let mut quoted = Vec::with_capacity(key.len() + 4);
            text::json_string(&mut quoted, key);
            quoted.extend_from_slice(b": ");
            quoted.into_boxed_slice()
        });
        Self { key, topic }
    }
}

/// How a value stands in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Between quotation marks, as decimals and times do.
    Quoted,
    /// As it is.
    Bare,
}

/// Fields and their places.
#[derive(Debug)]
pub(super) struct Group {
    json: Option<Topic>,
    places: Vec<Place>,
    sparse: bool,
    whole: Vec<u8>,
    /// Where its messages begin.
    start: usize,
}

impl Group {
    pub(super) fn new(json: Option<Topic>, places: Vec<Place>, sparse: bool) -> Self {
        Self { json, places, sparse, whole: Vec::new(), start: 0 }
    }

    /// Whether a field is published.
    pub(super) fn wants(&self, field: usize) -> bool {
        self.places.get(field).is_some_and(|place| place.topic.is_some() || place.key.is_some())
    }

    /// Begins to say it.
    pub(super) fn begin(&mut self, out: &[Message]) {
        self.start = out.len();
        self.whole.clear();
        self.whole.push(b'{');
    }

    /// Puts a value in the JSON; an empty one is none.
    pub(super) fn key(&mut self, field: usize, payload: &[u8], form: Form) {
        let Some(key) = self.places.get(field).and_then(|place| place.key.as_deref()) else { return };
        if payload.is_empty() && self.sparse {
            return;
        }
        if self.whole.len() > 1 {
            self.whole.extend_from_slice(b", ");
        }
        self.whole.extend_from_slice(key);
        match (payload.is_empty(), form) {
            (true, _) => self.whole.extend_from_slice(b"null"),
            (false, Form::Bare) => self.whole.extend_from_slice(payload),
            (false, Form::Quoted) => {
                self.whole.push(b'"');
                self.whole.extend_from_slice(payload);
                self.whole.push(b'"');
            }
        }
    }

    /// Says a value in its own topic; an empty one clears it.
    pub(super) fn topic(&mut self, field: usize, payload: &[u8], out: &mut Vec<Message>) {
        if let Some(topic) = self.places.get_mut(field).and_then(|place| place.topic.as_mut()) {
            topic.say(payload, 0, out);
        }
    }

    /// Says a value in both.
    pub(super) fn put(&mut self, field: usize, payload: &[u8], form: Form, out: &mut Vec<Message>) {
        self.key(field, payload, form);
        self.topic(field, payload, out);
    }

    /// Says the JSON, which goes first.
    pub(super) fn end(&mut self, out: &mut Vec<Message>) {
        if let Some(json) = &mut self.json {
            self.whole.push(b'}');
            json.say(&self.whole, 0, out);
            out[self.start..].rotate_right(1);
        }
    }
}
