//! The three telegrams that are measured, and how dsmrd reads one: framer, CRC, grammar, meaning, as the
//! appliance does.

use dsmrd::meter::{Field, Interpreter, InterpreterSettings, Reading};
use dsmrd::p1::cipher::{Envelope, Key, Keys, seal};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};

/// A telegram as it comes over the wire.
pub struct Sample {
    /// What it is called in `benches/instructions.toml`.
    pub name: &'static str,
    pub what: &'static str,
    pub stream: Vec<u8>,
    /// Its power imported, by which a parser shows that it has read it.
    pub power: &'static str,
    keys: Option<Keys>,
}

/// What is measured.
pub fn samples() -> [Sample; 3] {
    let three_phase = include_bytes!("../../../fixtures/nl-5.0-iskra-3phase-gas.txt");
    let largest = include_bytes!("../../../fixtures/lt-eso-largest.txt");
    let luxembourg = include_bytes!("../../../fixtures/lu-smarty-decrypted.txt");
    let keys = Keys::new(Key::new(*b"a key of a bench"));
    let frame = seal(luxembourg, &Envelope::new(*b"SAGbench", 1), &keys);
    let plain =
        |name, what, stream: &[u8], power| Sample { name, what, stream: stream.to_vec(), power, keys: None };
    [
        plain("dsmr5", "DSMR 5, three phases", three_phase, "2.418"),
        plain("largest", "Lithuania, the largest kind", largest, "1.801"),
        Sample {
            name: "encrypted",
            what: "Luxembourg, encrypted",
            stream: frame,
            power: "0.711",
            keys: Some(keys),
        },
    ]
}

/// dsmrd, with what it keeps between the telegrams of a meter.
pub struct Ours {
    framer: Framer,
    interpreter: Interpreter,
}

impl Ours {
    pub fn new(sample: &Sample) -> Self {
        let framer = Framer::new(FramerSettings::default()).with_keys(sample.keys.clone());
        Self { framer, interpreter: Interpreter::new(InterpreterSettings::default()) }
    }

    pub fn read(&mut self, stream: &[u8]) -> Option<Reading> {
        let mut reading = None;
        let interpreter = &mut self.interpreter;
        self.framer.push(stream, &mut |event| {
            if let Event::Frame(frame) = event {
                reading = Some(interpreter.read(&frame, 1_793_000_000_000).reading);
            }
        });
        reading
    }
}

/// The power imported of a reading, as text.
pub fn power(reading: &Reading) -> Option<String> {
    reading.number(Field::PowerImport).map(|power| power.to_string())
}
