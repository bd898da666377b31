//! An adaptive binary range coder (the construction of G. N. N. Martin, 1979, with carry propagation).

/// Reciprocals for the adaptation: a young model moves fast, an old one slowly.
const RATES: [u16; LIMIT as usize + 1] = {
    let mut rates = [0u16; LIMIT as usize + 1];
    let mut n = 0;
    while n < rates.len() {
        // 65536 / (n + 1.5)
        rates[n] = (131_072 / (2 * n + 3)) as u16;
        n += 1;
    }
    rates
};
const LIMIT: u8 = 90;

/// How likely a bit is to be set, learnt from the bits before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bit {
    probability: u16,
    seen: u8,
}

impl Default for Bit {
    fn default() -> Self {
        Self { probability: 1 << 15, seen: 0 }
    }
}

impl Bit {
    /// The probability in 1/32768, never 0 or 1.
    fn scaled(self) -> u32 {
        (u32::from(self.probability) >> 1).clamp(24, 32_768 - 24)
    }

    fn learn(&mut self, bit: bool) {
        let rate = u32::from(RATES[usize::from(self.seen)]);
        if self.seen < LIMIT {
            self.seen += 1;
        }
        let p = u32::from(self.probability);
        let p = if bit { p + (((65_535 - p) * rate) >> 16) } else { p - ((p * rate) >> 16) };
        self.probability = p as u16;
    }
}

/// Either side of the coder, so that a model is written once: the encoder takes what it is given, the
/// decoder ignores that and answers what was encoded.
pub(crate) trait Coder {
    /// One bit under a model.
    fn bit(&mut self, model: &mut Bit, bit: bool) -> bool;

    /// `count` bits (at most 64) without a model.
    fn raw(&mut self, count: u32, value: u64) -> u64;
}

const TOP: u32 = 1 << 24;

/// The writing side.
#[derive(Debug)]
pub(crate) struct Encoder {
    low: u64,
    range: u32,
    cache: u8,
    waiting: u64,
    out: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { low: 0, range: u32::MAX, cache: 0, waiting: 1, out: Vec::new() }
    }
}

impl Encoder {
    /// Bytes written so far, without those that are still undecided.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    fn shift(&mut self) {
        if self.low < 0xff00_0000 || self.low > 0xffff_ffff {
            let carry = (self.low >> 32) as u8;
            let mut byte = self.cache;
            while self.waiting > 0 {
                self.out.push(byte.wrapping_add(carry));
                byte = 0xff;
                self.waiting -= 1;
            }
            self.cache = (self.low >> 24) as u8;
        }
        self.waiting += 1;
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    fn normalise(&mut self) {
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
    }

    /// Ends the stream in as few bytes as tell it from any other; the decoder reads zeros behind the end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let end = self.low + u64::from(self.range);
        let shortest = (0..=32).rev().map(|bits| (1u64 << bits) - 1).map(|mask| (self.low + mask) & !mask);
        self.low = shortest.into_iter().find(|value| *value < end).unwrap_or(self.low);
        for _ in 0..5 {
            self.shift();
        }
        // No more than the end added: a run of zeros before it is the stream's own, and the decoder counts
        // how far it reads behind the end.
        for _ in 0..4 {
            if self.out.last() == Some(&0) {
                self.out.pop();
            }
        }
        // The first byte only ever takes a carry that cannot come: it is zero.
        if !self.out.is_empty() {
            self.out.remove(0);
        }
        self.out
    }
}

impl Coder for Encoder {
    fn bit(&mut self, model: &mut Bit, bit: bool) -> bool {
        let bound = (self.range >> 15) * model.scaled();
        if bit {
            self.range = bound;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
        }
        model.learn(bit);
        self.normalise();
        bit
    }

    fn raw(&mut self, count: u32, value: u64) -> u64 {
        for place in (0..count).rev() {
            self.range >>= 1;
            if value >> place & 1 == 1 {
                self.low += u64::from(self.range);
            }
            self.normalise();
        }
        value
    }
}

/// The reading side.
#[derive(Debug)]
pub(crate) struct Decoder<B> {
    bytes: B,
    next: usize,
    range: u32,
    code: u32,
}

impl<B: AsRef<[u8]>> Decoder<B> {
    /// Reads what [`Encoder::finish`] returned.
    pub(crate) fn new(bytes: B) -> Self {
        let mut decoder = Self { bytes, next: 0, range: u32::MAX, code: 0 };
        for _ in 0..4 {
            decoder.code = decoder.code << 8 | decoder.byte();
        }
        decoder
    }

    /// Whether more was read than was ever written: the bytes are not what an encoder made.
    pub(crate) fn overrun(&self) -> bool {
        self.next > self.bytes.as_ref().len() + 8
    }

    fn byte(&mut self) -> u32 {
        let byte = self.bytes.as_ref().get(self.next).copied().unwrap_or(0);
        self.next += 1;
        u32::from(byte)
    }

    fn normalise(&mut self) {
        while self.range < TOP {
            self.range <<= 8;
            self.code = self.code << 8 | self.byte();
        }
    }
}

impl<B: AsRef<[u8]>> Coder for Decoder<B> {
    fn bit(&mut self, model: &mut Bit, _: bool) -> bool {
        let bound = (self.range >> 15) * model.scaled();
        let bit = self.code < bound;
        if bit {
            self.range = bound;
        } else {
            // Of damaged bytes the code may lie outside the range: wrap, the damage shows elsewhere.
            self.code = self.code.wrapping_sub(bound);
            self.range -= bound;
        }
        model.learn(bit);
        self.normalise();
        bit
    }

    fn raw(&mut self, count: u32, _: u64) -> u64 {
        let mut value = 0;
        for _ in 0..count {
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code -= self.range;
            }
            value = value << 1 | u64::from(bit);
            self.normalise();
        }
        value
    }
}
