//! A series of numbers as bytes: what a predictor leaves of them, in the form that takes the fewest.
//!
//! All sums wrap: whatever a prediction is, adding the difference to it gives the number again.

use super::bits::{BitReader, BitWriter};
use super::bytes::{Bytes, fold, put, put_signed, unfold};
use super::rans;
use super::table::Numbers;
use crate::store::codec::Damaged;

/// What the next number is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Predictor {
    /// The smallest of all; the differences are never negative.
    Least,
    /// The last.
    Last,
    /// The mean of the last two.
    Mean,
    /// As far from the last as that is from the one before.
    Line,
    /// The mean of the last four.
    Calm,
}

const PREDICTORS: [Predictor; 5] =
    [Predictor::Least, Predictor::Last, Predictor::Mean, Predictor::Line, Predictor::Calm];

/// All numbers are the same.
const SAME: u8 = 0;
/// The differences one by one.
const LIST: u8 = 1;
/// The differences as symbols by how often they come, and the rest of the large ones as bits.
const CODED: u8 = 2;
/// The few differences that are not zero, and how far apart they lie.
const SPARSE: u8 = 3;
/// Bits of a form, below those of the predictor.
const FORM_BITS: u8 = 2;

/// Differences below this are symbols of their own.
const DIRECT: u64 = 32;
const DIRECT_BITS: u32 = DIRECT.trailing_zeros();

/// The symbol of a difference, and how many of its lowest bits that leaves open.
fn symbol(difference: u64) -> (u8, u32) {
    if difference < DIRECT {
        return (difference as u8, 0);
    }
    let width = difference.ilog2();
    let half = difference >> (width - 1) & 1;
    (DIRECT as u8 + ((width - DIRECT_BITS) * 2) as u8 + half as u8, width - 1)
}

/// The inverse of [`symbol`]: the difference without its open bits, and how many these are.
fn opened(symbol: u8) -> (u64, u32) {
    let above = u32::from(symbol) - DIRECT as u32;
    let width = DIRECT_BITS + above / 2;
    if width > 63 { (0, 0) } else { ((2 | u64::from(above & 1)) << (width - 1), width - 1) }
}

/// The differences from a predictor; `base` is what lies before the first, or the smallest.
fn differences(values: &[i64], predictor: Predictor, base: i64) -> Vec<u64> {
    let mut past = [base; 4];
    let differ = |value: &i64| {
        let difference = value.wrapping_sub(predictor.expect(&past, base));
        past = [*value, past[0], past[1], past[2]];
        if predictor == Predictor::Least { difference as u64 } else { fold(difference) }
    };
    values.iter().map(differ).collect()
}

impl Predictor {
    #[inline(always)]
    fn expect(self, past: &[i64; 4], base: i64) -> i64 {
        match self {
            Self::Least => base,
            Self::Last => past[0],
            Self::Mean => past[0].wrapping_add(past[1].wrapping_sub(past[0]) >> 1),
            Self::Line => past[0].wrapping_add(past[0].wrapping_sub(past[1])),
            Self::Calm => {
                let [a, b, c, d] = *past;
                let sum = b.wrapping_sub(a).wrapping_add(c.wrapping_sub(a)).wrapping_add(d.wrapping_sub(a));
                a.wrapping_add(sum >> 2)
            }
        }
    }

    fn base(self, values: &[i64]) -> i64 {
        let base = if self == Self::Least { values.iter().min() } else { values.first() };
        base.copied().unwrap_or(0)
    }

    /// The numbers of which these are the differences.
    #[inline(always)]
    fn undo(self, differences: impl Iterator<Item = u64>, base: i64, values: &mut Vec<i64>) {
        let mut past = [base; 4];
        values.extend(differences.map(|difference| {
            let difference = if self == Self::Least { difference as i64 } else { unfold(difference) };
            let value = self.expect(&past, base).wrapping_add(difference);
            past = [value, past[0], past[1], past[2]];
            value
        }));
    }

    /// As [`Predictor::undo`], with a loop of its own for each predictor.
    fn undo_each(self, differences: impl Iterator<Item = u64>, base: i64, count: usize) -> Vec<i64> {
        let mut values = Vec::with_capacity(count);
        match self {
            Self::Least => Self::Least.undo(differences, base, &mut values),
            Self::Last => Self::Last.undo(differences, base, &mut values),
            Self::Mean => Self::Mean.undo(differences, base, &mut values),
            Self::Line => Self::Line.undo(differences, base, &mut values),
            Self::Calm => Self::Calm.undo(differences, base, &mut values),
        }
        values
    }
}

/// The binary logarithm of a number above zero, times 256, to about a twelfth.
fn log2(value: u32) -> u64 {
    let whole = value.ilog2();
    u64::from(whole) * 256 + ((u64::from(value) << 8 >> whole) & 0xff)
}

/// About how many bits the differences take as symbols, times 256.
fn cost(differences: &[u64]) -> u64 {
    let mut counts = [0u32; rans::SYMBOLS];
    let mut open = 0;
    for difference in differences {
        let (symbol, bits) = symbol(*difference);
        counts[usize::from(symbol)] += 1;
        open += u64::from(bits);
    }
    let all = log2(differences.len().max(1) as u32);
    let coded: u64 = counts.iter().filter(|c| **c > 0).map(|c| u64::from(*c) * (all - log2(*c))).sum();
    let used = counts.iter().rposition(|count| *count > 0).unwrap_or(0) as u64;
    coded + 256 * (open + 3 * used)
}

/// The cheapest predictor, and about how many bits it leaves, times 256.
fn best(values: &[i64]) -> (Predictor, u64) {
    let costs = PREDICTORS
        .map(|predictor| (predictor, cost(&differences(values, predictor, predictor.base(values)))));
    costs.into_iter().min_by_key(|(_, cost)| *cost).unwrap_or((Predictor::Last, 0))
}

/// About how many bits a series takes, times 256.
pub(super) fn estimate(values: &[i64]) -> u64 {
    best(values).1
}

/// Writes a series; how many numbers it has, and where it ends, is told elsewhere.
pub(super) fn encode(out: &mut Vec<u8>, values: &[i64]) {
    encode_at(out, values, true);
}

fn encode_at(out: &mut Vec<u8>, values: &[i64], outermost: bool) {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|value| *value == first) {
        out.push(SAME);
        return put_signed(out, first);
    }
    let predictor = best(values).0;
    let coded = form(CODED, predictor, values, coded);
    let listed = form(LIST, predictor, values, |out, differences| {
        differences.iter().for_each(|difference| put(out, *difference));
    });
    let mut shortest = if listed.len() < coded.len() { listed } else { coded };
    for predictor in [Predictor::Last, Predictor::Line] {
        let differences = differences(values, predictor, predictor.base(values));
        let changes = differences.iter().filter(|difference| **difference != 0).count();
        if outermost && changes <= values.len() / 4 {
            let sparse = form(SPARSE, predictor, values, sparse);
            if sparse.len() < shortest.len() {
                shortest = sparse;
            }
        }
    }
    out.extend_from_slice(&shortest);
}

fn form(form: u8, predictor: Predictor, values: &[i64], write: impl FnOnce(&mut Vec<u8>, &[u64])) -> Vec<u8> {
    let place = PREDICTORS.iter().position(|other| *other == predictor).unwrap_or(0);
    let mut out = vec![form | (place as u8) << FORM_BITS];
    let base = predictor.base(values);
    put_signed(&mut out, base);
    write(&mut out, &differences(values, predictor, base));
    out
}

fn coded(out: &mut Vec<u8>, differences: &[u64]) {
    let mut bits = BitWriter::default();
    let mut symbols = Vec::with_capacity(differences.len());
    for difference in differences {
        let (symbol, open) = symbol(*difference);
        symbols.push(symbol);
        bits.put(difference & ((1 << open) - 1), open);
    }
    rans::encode(out, &symbols);
    out.extend_from_slice(&bits.finish());
}

fn sparse(out: &mut Vec<u8>, differences: &[u64]) {
    let (mut gaps, mut changes, mut last) = (Vec::new(), Vec::new(), 0);
    for (place, difference) in differences.iter().enumerate().filter(|(_, difference)| **difference != 0) {
        gaps.push((place - last) as i64);
        changes.push(unfold(*difference));
        last = place;
    }
    put(out, gaps.len() as u64);
    let mut section = Vec::new();
    encode_at(&mut section, &gaps, false);
    super::bytes::put_text(out, &section);
    encode_at(out, &changes, false);
}

/// Reads `count` numbers, which take all the bytes there are.
pub(super) fn decode(bytes: &[u8], count: usize) -> Result<Numbers, Damaged> {
    decode_at(bytes, count, true)
}

fn decode_at(bytes: &[u8], count: usize, outermost: bool) -> Result<Numbers, Damaged> {
    let mut bytes = Bytes(bytes);
    let head = bytes.byte()?;
    let predictor = *PREDICTORS.get(usize::from(head >> FORM_BITS)).ok_or(Damaged)?;
    let base = bytes.signed()?;
    match head & ((1 << FORM_BITS) - 1) {
        SAME => Ok(Numbers::Same(base, count)),
        LIST => {
            let listed: Vec<u64> = (0..count).map(|_| bytes.number()).collect::<Result<_, _>>()?;
            Ok(Numbers::Each(predictor.undo_each(listed.into_iter(), base, count)))
        }
        CODED => {
            let (symbols, open) = rans::decode(bytes.0, count)?;
            let mut open = BitReader::new(open);
            let differences = symbols.iter().map(|symbol| match u64::from(*symbol) {
                difference if difference < DIRECT => difference,
                _ => {
                    let (value, bits) = opened(*symbol);
                    value | open.get(bits)
                }
            });
            Ok(Numbers::Each(predictor.undo_each(differences, base, count)))
        }
        _ if outermost => decode_sparse(bytes, count, predictor, base).map(Numbers::Each),
        _ => Err(Damaged),
    }
}

fn decode_sparse(
    mut bytes: Bytes<'_>,
    count: usize,
    predictor: Predictor,
    base: i64,
) -> Result<Vec<i64>, Damaged> {
    let changes = bytes.at_most(count)?;
    let gaps = each(decode_at(bytes.text()?, changes, false)?);
    let changes = each(decode_at(bytes.0, changes, false)?);
    let mut values = Vec::with_capacity(count);
    let (mut place, mut value, mut step) = (0usize, base, 0i64);
    let mut run = |to: usize, step: i64, value: &mut i64| {
        if step == 0 {
            values.resize(to, *value);
        } else {
            while values.len() < to {
                *value = value.wrapping_add(step);
                values.push(*value);
            }
        }
    };
    for (gap, change) in gaps.iter().zip(changes) {
        let next = usize::try_from(*gap).ok().and_then(|gap| place.checked_add(gap)).ok_or(Damaged)?;
        // The first may be at once, the others come after it.
        if next >= count || (*gap == 0 && place > 0) {
            return Err(Damaged);
        }
        run(next, step, &mut value);
        match predictor {
            Predictor::Last => value = value.wrapping_add(change),
            Predictor::Line => {
                step = step.wrapping_add(change);
                value = value.wrapping_add(step);
            }
            _ => return Err(Damaged),
        }
        run(next + 1, 0, &mut value);
        place = next;
    }
    run(count, step, &mut value);
    Ok(values)
}

fn each(numbers: Numbers) -> Vec<i64> {
    match numbers {
        Numbers::Same(value, count) => vec![value; count],
        Numbers::Each(values) => values,
        Numbers::Wide(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[i64]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, values);
        assert_eq!(each(decode(&out, values.len()).expect("not damaged")), values);
        out
    }

    fn numbers() -> impl Strategy<Value = i64> {
        prop_oneof![Just(i64::MIN), Just(i64::MAX), -3i64..3, -500i64..500, any::<i64>()]
    }

    proptest! {
        #[test]
        fn any_series_comes_back(values in vec(numbers(), 0..60)) {
            check(&values);
        }

        #[test]
        fn steps_and_lines_come_back(runs in vec((numbers(), -2i64..3, 1usize..90), 1..12)) {
            let runs = runs.into_iter().flat_map(|(from, step, length)| {
                (0..length as i64).map(move |n| from.wrapping_add(n * step))
            });
            check(&runs.collect::<Vec<_>>());
        }

        #[test]
        fn noise_comes_back(seed in vec(any::<u32>(), 50..400), width in 1u32..24, step in -900i64..900) {
            let noise = seed.iter().zip(0..).map(|(n, row)| row * step + i64::from(n >> (32 - width)));
            check(&noise.collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_end(bytes in vec(any::<u8>(), 0..90), count in 0usize..300) {
            if let Ok(Numbers::Each(values)) = decode(&bytes, count) {
                prop_assert_eq!(values.len(), count);
            }
        }
    }

    #[test]
    fn symbols_come_back() {
        for width in 0..64 {
            for difference in [1u64 << width, (1 << width) + (1 << width >> 1), u64::MAX >> (63 - width)] {
                let (symbol, open) = symbol(difference);
                assert!(usize::from(symbol) < rans::SYMBOLS);
                if difference >= DIRECT {
                    let (value, bits) = opened(symbol);
                    assert_eq!((value | difference & ((1 << open) - 1), bits), (difference, open));
                }
            }
        }
    }

    #[test]
    fn clocks_and_counters_take_a_few_bytes() {
        let clock: Vec<i64> = (1_795_129_200..1_795_132_800).collect();
        assert!(check(&clock).len() < 16);
        // Five minutes on once in five minutes.
        let captured: Vec<i64> = clock.iter().map(|second| second / 300 * 300).collect();
        assert!(check(&captured).len() < 24);
    }
}
