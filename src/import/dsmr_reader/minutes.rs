//! Minutes that have something, a bit each: a year takes 66 KB.

use std::collections::BTreeMap;

/// Minutes of a day, in words.
const WORDS: usize = 23;
/// Days that are remembered: a hundred years. A dump of clocks gone wild must not take ever more.
const MAX_DAYS: usize = 36_525;

/// A set of minutes.
#[derive(Debug, Default)]
pub(super) struct Minutes(BTreeMap<i64, [u64; WORDS]>);

impl Minutes {
    /// Adds the minute of an instant in seconds.
    pub(super) fn add(&mut self, time: i64) {
        let (day, word, bit) = place(time);
        if self.0.len() < MAX_DAYS || self.0.contains_key(&day) {
            self.0.entry(day).or_insert([0; WORDS])[word] |= 1 << bit;
        }
    }

    /// Whether it has the minute of an instant.
    pub(super) fn has(&self, time: i64) -> bool {
        let (day, word, bit) = place(time);
        self.0.get(&day).is_some_and(|words| words[word] >> bit & 1 == 1)
    }
}

fn place(time: i64) -> (i64, usize, u32) {
    let minute = time.rem_euclid(86_400) as usize / 60;
    (time.div_euclid(86_400), minute / 64, (minute % 64) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_remembered_each_by_itself() {
        let mut minutes = Minutes::default();
        minutes.add(86_399);
        minutes.add(-1);
        assert!(minutes.has(86_340) && !minutes.has(86_339) && !minutes.has(86_400));
        assert!(minutes.has(-60) && !minutes.has(-61) && !minutes.has(0));
    }
}
