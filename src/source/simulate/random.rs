//! Deterministic random numbers: equal seeds give equal numbers, on every machine, in every version.

/// A small generator (the output function of SplitMix64 over a counter).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

/// One well-mixed number for each input.
pub(super) fn mix(input: u64) -> u64 {
    let x = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Random {
    /// A generator for one purpose (`stream`) at one place in time (`index`) of one household (`seed`).
    pub(super) fn new(seed: u64, stream: u64, index: i64) -> Self {
        Self(mix(seed ^ mix(stream ^ mix(index as u64))))
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = (i64::from(high) - i64::from(low) + 1) as u64;
        // The upper half of a product maps 32 random bits to the span without a division.
        let offset = ((self.draw() >> 32) * span) >> 32;
        (i64::from(low) + offset as i64) as i32
    }

    /// True in `per_mille` of a thousand cases.
    pub(super) fn chance(&mut self, per_mille: i32) -> bool {
        self.between(1, 1000) <= per_mille
    }
}

/// A value that drifts: it passes a random point between `low` and `high` every `period` steps of `at`, in
/// straight lines between them.
pub(super) fn drift(seed: u64, stream: u64, at: i64, period: i64, low: i32, high: i32) -> i32 {
    let (knot, within) = (at.div_euclid(period), at.rem_euclid(period));
    let point = |knot| i64::from(Random::new(seed, stream, knot).between(low, high));
    let (from, to) = (point(knot), point(knot + 1));
    (from + (to - from) * within / period) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_between_their_bounds_and_reach_both() {
        let mut random = Random::new(7, 1, 2);
        let drawn: Vec<i32> = (0..1000).map(|_| random.between(-2, 2)).collect();
        for expected in -2..=2 {
            assert!(drawn.contains(&expected), "{expected} never came");
        }
        assert!(drawn.iter().all(|n| (-2..=2).contains(n)));
    }

    #[test]
    fn a_drift_moves_in_small_steps() {
        for at in -500..500 {
            let (a, b) = (drift(1, 2, at, 100, 0, 1000), drift(1, 2, at + 1, 100, 0, 1000));
            assert!((a - b).abs() <= 11, "{a} then {b} at {at}");
        }
    }
}
