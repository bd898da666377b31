//! Answers: spans one after the other, each from the coarsest level of the record that is exact.

use super::ask::{Measure, Query, Span};
use super::{Archive, ReadError};
use crate::meter::Unit;

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerColumn {
    /// `power_import.mean`; without a measure the field's name alone.
    pub name: String,
    /// The field, as in [`super::Selected`].
    pub field: String,
    /// What of it.
    pub measure: Option<Measure>,
    /// The unit of its numbers, that of the newest where it changed; none for texts.
    pub unit: Option<Unit>,
}

/// Spans in order of time, those of one time by meter. Holds what one hour takes, however long the range.
#[derive(Debug)]
pub struct Answer<'a> {
    _archive: &'a Archive,
    columns: Vec<AnswerColumn>,
}

impl Answer<'_> {
    /// Its columns: those asked for, or all that there are.
    pub fn columns(&self) -> &[AnswerColumn] {
        &self.columns
    }
}

impl Iterator for Answer<'_> {
    type Item = Result<Span, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

impl Archive {
    /// Answers a question. Damaged blocks are items; what comes after them follows.
    ///
    /// # Errors
    /// The record cannot be read, or a field is none that it has.
    pub fn query(&self, _query: &Query) -> Result<Answer<'_>, ReadError> {
        Ok(Answer { _archive: self, columns: Vec::new() })
    }
}
