//! Symbols coded by how often each comes (J. Duda's asymmetric numeral systems in their range variant), two
//! states in turn, so that a processor works at two symbols at a time.
//!
//! How often is told in steps of about a third, and what follows from these steps is what both sides reckon with.

use super::bits::{BitReader, BitWriter};
use crate::store::codec::Damaged;

/// Symbols are below this.
pub(super) const SYMBOLS: usize = 192;

/// All frequencies add up to two to this power.
const PRECISION: u32 = 11;
const TOTAL: u32 = 1 << PRECISION;
/// States are never below this between two symbols.
const LEAST: u32 = 1 << 16;
/// The weight of [`MAX_LEVEL`] fits in 32 bits.
const MAX_LEVEL: u32 = 40;
/// Words behind the end that a decoder may look at.
const AHEAD: usize = 2;

/// 2, 3, 4, 6, 8, 12 … from level 1 on; level 0 never comes.
fn weight(level: u32) -> u64 {
    match level {
        0 => 0,
        _ => u64::from(2 + (level - 1) % 2) << ((level - 1) / 2),
    }
}

/// The level whose weight is nearest to twice a count.
fn level(count: u32) -> u32 {
    let doubled = 2 * u64::from(count);
    let near = |level: &u32| weight(*level).abs_diff(doubled);
    if count == 0 { 0 } else { (1..=MAX_LEVEL).min_by_key(near).unwrap_or(1) }
}

/// How often each symbol comes, in parts of [`TOTAL`].
#[derive(Debug)]
struct Frequencies(Vec<u32>);

impl Frequencies {
    /// Those of levels, at least one of which is not zero; a symbol that comes at all has at least one part.
    fn of(levels: &[u32]) -> Result<Self, Damaged> {
        let sum: u64 = levels.iter().map(|level| weight(*level)).sum();
        if sum == 0 {
            return Err(Damaged);
        }
        let part = |level: &u32| match weight(*level) {
            0 => 0,
            weight => (weight * u64::from(TOTAL) / sum).max(1) as u32,
        };
        let mut parts: Vec<u32> = levels.iter().map(part).collect();
        let mut given: u32 = parts.iter().sum();
        while given != TOTAL {
            let most = (0..parts.len()).max_by_key(|place| parts[*place]).ok_or(Damaged)?;
            if given < TOTAL {
                parts[most] += TOTAL - given;
                given = TOTAL;
            } else {
                // There are fewer symbols than parts: the largest has more than one.
                parts[most] -= 1;
                given -= 1;
            }
        }
        Ok(Self(parts))
    }
}

/// Levels as bits: what differs from the second last, since symbols of either sign take turns.
fn put_levels(bits: &mut BitWriter, levels: &[u32]) {
    for (place, level) in levels.iter().enumerate() {
        let step = i64::from(*level) - i64::from(expected(levels, place));
        let step = super::bytes::fold(step);
        bits.put((1 << (step >> 1)) - 1, (step >> 1) as u32 + 1);
        bits.put(step & 1, 1);
    }
}

fn get_levels(bits: &mut BitReader<'_>, count: usize) -> Result<Vec<u32>, Damaged> {
    let mut levels = Vec::with_capacity(count);
    for place in 0..count {
        let mut step = 0;
        while bits.get(1) == 1 {
            step += 2;
            if step > 4 * u64::from(MAX_LEVEL) {
                return Err(Damaged);
            }
        }
        step |= bits.get(1);
        let level = i64::from(expected(&levels, place)) + super::bytes::unfold(step);
        levels.push(u32::try_from(level).ok().filter(|level| *level <= MAX_LEVEL).ok_or(Damaged)?);
    }
    Ok(levels)
}

fn expected(levels: &[u32], place: usize) -> u32 {
    place.checked_sub(2).or(place.checked_sub(1)).map_or(8, |before| levels[before])
}

/// Codes symbols, at least one, each below [`SYMBOLS`].
pub(super) fn encode(out: &mut Vec<u8>, symbols: &[u8]) {
    let mut counts = [0u32; SYMBOLS];
    symbols.iter().for_each(|symbol| counts[usize::from(*symbol)] += 1);
    let used = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    let levels: Vec<u32> = counts[..used].iter().map(|count| level(*count)).collect();
    // A symbol that comes has a level.
    let Ok(Frequencies(parts)) = Frequencies::of(&levels) else { return };
    let starts: Vec<u32> = parts
        .iter()
        .scan(0, |next, part| {
            *next += part;
            Some(*next - part)
        })
        .collect();
    let mut states = [LEAST; 2];
    let mut words = Vec::with_capacity(symbols.len() / 4);
    for (place, symbol) in symbols.iter().enumerate().rev() {
        let state = &mut states[place & 1];
        let (part, start) = (parts[usize::from(*symbol)], starts[usize::from(*symbol)]);
        if u64::from(*state) >= u64::from(part) << (32 - PRECISION) {
            words.push(*state as u16);
            *state >>= 16;
        }
        *state = ((*state / part) << PRECISION) + *state % part + start;
    }
    out.push(used as u8);
    let mut bits = BitWriter::default();
    put_levels(&mut bits, &levels);
    out.extend_from_slice(&bits.finish());
    states.iter().for_each(|state| out.extend_from_slice(&state.to_le_bytes()));
    super::bytes::put(out, words.len() as u64);
    words.iter().rev().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
}

/// Decodes `count` symbols; the second answer is what lies behind them.
pub(super) fn decode(bytes: &[u8], count: usize) -> Result<(Vec<u8>, &[u8]), Damaged> {
    let (used, rest) = bytes.split_first().ok_or(Damaged)?;
    if usize::from(*used) > SYMBOLS {
        return Err(Damaged);
    }
    let mut bits = BitReader::new(rest);
    let levels = get_levels(&mut bits, usize::from(*used))?;
    let table = table(&Frequencies::of(&levels)?);
    let mut rest = super::bytes::Bytes(bits.rest()?);
    let mut state = || rest.take(4).and_then(|state| state.try_into().map_err(|_| Damaged));
    let (mut even, mut odd) = (u32::from_le_bytes(state()?), u32::from_le_bytes(state()?));
    let length = rest.at_most(rest.0.len() / 2)?;
    let words = rest.take(2 * length)?.chunks_exact(2).map(|word| u16::from_le_bytes([word[0], word[1]]));
    let words: Vec<u16> = words.chain([0; AHEAD]).collect();
    let mut next = 0;
    let mut symbols = vec![0; count];
    let mut step = |state: &mut u32| {
        let entry = table[(*state % TOTAL) as usize];
        let changed = (entry.part * (*state >> PRECISION)).wrapping_add(entry.offset);
        let word = words.get(next).copied().unwrap_or(0);
        let short = changed < LEAST;
        *state = if short { changed << 16 | u32::from(word) } else { changed };
        next += usize::from(short);
        entry.symbol
    };
    let mut pairs = symbols.chunks_exact_mut(2);
    for pair in &mut pairs {
        pair[0] = step(&mut even);
        pair[1] = step(&mut odd);
    }
    if let [last] = pairs.into_remainder() {
        *last = step(&mut even);
    }
    let whole = even == LEAST && odd == LEAST && next == length;
    if whole { Ok((symbols, rest.0)) } else { Err(Damaged) }
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// How many parts its symbol has.
    part: u32,
    /// Which of them this is.
    offset: u32,
    symbol: u8,
}

fn table(Frequencies(parts): &Frequencies) -> Vec<Entry> {
    let mut table = Vec::with_capacity(TOTAL as usize);
    for (symbol, part) in parts.iter().enumerate() {
        table.extend((0..*part).map(|offset| Entry { part: *part, offset, symbol: symbol as u8 }));
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn symbols_come_back(few in vec(0u8..9, 1..300), any in vec(0u8..SYMBOLS as u8, 0..40), rest in vec(any::<u8>(), 0..9)) {
            let symbols = [few, any].concat();
            let mut out = Vec::new();
            encode(&mut out, &symbols);
            out.extend_from_slice(&rest);
            prop_assert_eq!(decode(&out, symbols.len()), Ok((symbols, rest.as_slice())));
        }

        #[test]
        fn any_bytes_end(bytes in vec(any::<u8>(), 0..60), count in 0usize..500) {
            if let Ok((symbols, _)) = decode(&bytes, count) {
                prop_assert_eq!(symbols.len(), count);
            }
        }
    }

    #[test]
    fn symbols_take_what_they_must() {
        // Of four bits each, and one in a hundred.
        let (even, rare): (Vec<u8>, Vec<u8>) = (0..3_600u32)
            .map(|n| (n.wrapping_mul(2_654_435_761).to_be_bytes()[0] & 15, u8::from(n % 100 == 7)))
            .unzip();
        let size = |symbols: &[u8]| {
            let mut out = Vec::new();
            encode(&mut out, symbols);
            out.len()
        };
        assert!((1_800..1_840).contains(&size(&even)), "{}", size(&even));
        assert!(size(&rare) < 60, "{}", size(&rare));
    }
}
