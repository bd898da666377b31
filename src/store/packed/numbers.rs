//! The numbers of one column as bytes.

use super::bytes::{Bytes, put_signed, put_wide};
use super::table::Numbers;
use crate::store::codec::Damaged;

const SAME: u8 = 0;
const WIDE: u8 = 1;
const STEPS: u8 = 2;

/// Writes numbers; how many there are is told elsewhere.
pub(super) fn encode(out: &mut Vec<u8>, numbers: &Numbers) {
    match numbers {
        Numbers::Same(value, _) => {
            out.push(SAME);
            put_signed(out, *value);
        }
        Numbers::Wide(values) => {
            out.push(WIDE);
            values.iter().for_each(|value| put_wide(out, *value));
        }
        Numbers::Each(values) => {
            out.push(STEPS);
            let mut last = 0i64;
            for value in values {
                put_signed(out, value.wrapping_sub(last));
                last = *value;
            }
        }
    }
}

/// Reads `count` numbers.
pub(super) fn decode(bytes: &mut Bytes<'_>, count: usize) -> Result<Numbers, Damaged> {
    match bytes.byte()? {
        SAME => Ok(Numbers::Same(bytes.signed()?, count)),
        WIDE => (0..count).map(|_| bytes.wide()).collect::<Result<_, _>>().map(Numbers::Wide),
        STEPS => {
            let mut last = 0i64;
            let mut next = || {
                last = last.wrapping_add(bytes.signed()?);
                Ok(last)
            };
            (0..count).map(|_| next()).collect::<Result<_, _>>().map(Numbers::Each)
        }
        _ => Err(Damaged),
    }
}
