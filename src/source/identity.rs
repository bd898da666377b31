//! Who is behind the port: told in the log at the first telegram, and when it changes.

use std::time::Duration;

use tokio::time::Instant;

use crate::meter::{Country, Reading};
use crate::p1::cipher::Tag;
use crate::p1::frame::{Frame, Proof};

/// The log has at most one line about it in this time: two meters on one line would fill it.
const PAUSE: Duration = Duration::from_secs(60);

/// What a meter tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The identification line.
    pub(super) ident: Box<[u8]>,
    /// The equipment identifier.
    pub(super) equipment: Option<String>,
    /// Whose rules it is read by.
    pub(super) country: Option<Country>,
    /// What became of the tag of its telegrams, where they come encrypted.
    pub(super) tag: Option<Tag>,
}

impl Known {
    pub(super) fn of(frame: &Frame<'_>, reading: &Reading, country: Option<Country>) -> Self {
        Self {
            ident: frame.ident().into(),
            equipment: reading.equipment_id(),
            country,
            tag: frame.seal().map(|seal| seal.tag),
        }
    }
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The first telegram came.
    First,
    /// Another meter is there.
    Swapped,
    /// The same meter tells something else of itself.
    Changed,
}

/// The meter behind a port.
#[derive(Debug, Default)]
pub(super) struct Identity {
    /// The equipment identifier seen last.
    equipment: Option<String>,
    /// An identifier that an unproven telegram had: it may be damaged, so that it takes two.
    candidate: Option<String>,
    told: Option<(Instant, Known)>,
    swapped: bool,
}

impl Identity {
    /// Whether a telegram with this equipment identifier is of another meter than those before.
    pub(super) fn is_another(&mut self, equipment: Option<String>, proof: Proof) -> bool {
        let Some(new) = equipment else { return false };
        let candidate = self.candidate.take();
        match &self.equipment {
            None => {
                self.equipment = Some(new);
                false
            }
            Some(known) if *known == new => false,
            Some(_) if proof == Proof::Absent && candidate.as_ref() != Some(&new) => {
                self.candidate = Some(new);
                false
            }
            Some(_) => {
                self.equipment = Some(new);
                self.swapped = true;
                true
            }
        }
    }

    /// What to tell about `known` now.
    pub(super) fn news(&mut self, known: &Known, now: Instant) -> Option<News> {
        let news = match &self.told {
            None => News::First,
            Some((at, told)) => {
                // What one telegram leaves out is not gone.
                let same = told.ident == known.ident
                    && told.tag == known.tag
                    && (known.country.is_none() || told.country == known.country);
                if same && !self.swapped || now - *at < PAUSE {
                    return None;
                }
                if self.swapped { News::Swapped } else { News::Changed }
            }
        };
        self.swapped = false;
        self.told = Some((now, known.clone()));
        Some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(ident: &[u8], country: Option<Country>) -> Known {
        Known { ident: ident.into(), equipment: None, country, tag: None }
    }

    #[test]
    fn another_meter_is_known_by_its_identifier() {
        let mut identity = Identity::default();
        let mut is_another = |id: Option<&str>, proof| identity.is_another(id.map(str::to_owned), proof);
        assert!(!is_another(None, Proof::Verified));
        assert!(!is_another(Some("E1"), Proof::Verified));
        assert!(!is_another(None, Proof::Verified) && !is_another(Some("E1"), Proof::Verified));
        assert!(is_another(Some("E2"), Proof::Verified) && !is_another(Some("E2"), Proof::Verified));
        // Without a CRC one crooked identifier is no other meter; two in a row are.
        assert!(!is_another(Some("E3"), Proof::Absent) && !is_another(Some("E2"), Proof::Absent));
        assert!(!is_another(Some("E3"), Proof::Absent) && is_another(Some("E3"), Proof::Absent));
    }

    #[test]
    fn it_is_told_once_and_when_it_changes_but_not_every_second() {
        let mut identity = Identity::default();
        let start = Instant::now();
        let mut told = Vec::new();
        for second in 0..400 {
            let known = match second {
                0..100 => known(b"/A", None),
                100..200 => known(b"/A", Some(Country::Belgium)),
                // Two meters share a line.
                _ if second % 2 == 0 => known(b"/A", None),
                _ => known(b"/B", None),
            };
            let now = start + Duration::from_secs(second);
            told.extend(identity.news(&known, now).map(|news| (second, news)));
        }
        assert_eq!(told[..2], [(0, News::First), (100, News::Changed)]);
        assert!(told.len() <= 6, "{told:?}");
        assert!(!identity.is_another(Some("E1".into()), Proof::Verified));
        assert!(identity.is_another(Some("E2".into()), Proof::Verified));
        let later = start + Duration::from_secs(600);
        assert_eq!(identity.news(&known(b"/A", None), later), Some(News::Swapped));
    }
}
