//! `consumption/quarter-hour-peak-electricity/*`: said once for each quarter-hour that ended.

use super::super::LayoutError;
use super::fields::{Names, Set};
use super::group::{Form, Group};
use super::{fixed, local_time};
use crate::meter::Zone;
use crate::publish::Message;
use crate::totals::{QUARTER, Totals};

/// The quarter-hour that ended last.
pub(super) const SET: Set = Set {
    json: Some("consumption/quarter-hour-peak-electricity/json"),
    parts: &[("consumption/quarter-hour-peak-electricity/", "")],
    fields: &["read_at_start", "read_at_end", "average_delivered"],
    further: &[],
    sparse: false,
};

/// The topics of the quarter-hour, and which they showed last.
#[derive(Debug)]
pub(super) struct LastQuarter {
    group: Group,
    start: Option<i64>,
    payload: Vec<u8>,
}

impl LastQuarter {
    pub(super) fn new(names: &mut Names<'_>) -> Result<Self, LayoutError> {
        Ok(Self { group: names.group(&SET)?, start: None, payload: Vec::new() })
    }

    pub(super) fn messages(&mut self, zone: &Zone, totals: &Totals, out: &mut Vec<Message>) {
        let Some(quarter) = totals.last_quarter.filter(|quarter| self.start != Some(quarter.start)) else {
            return;
        };
        self.start = Some(quarter.start);
        let payload = &mut self.payload;
        self.group.begin(out);
        for (place, seconds) in [quarter.start, quarter.start + QUARTER].into_iter().enumerate() {
            payload.clear();
            local_time(payload, zone, seconds);
            self.group.put(place, payload, Form::Quoted, out);
        }
        payload.clear();
        fixed(payload, Some(quarter.average_import), 3);
        self.group.put(2, payload, Form::Quoted, out);
        self.group.end(out);
    }
}
