//! Listens on a port for telegrams, as `dsmrd ports` does.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::advice;
use super::error::OpenError;
use super::intake::is_credible;
use super::inverted::InvertedWatch;
use super::parity::ParityWatch;
use super::reader::Setting;
use super::serial::Port;
use super::settings::LineSettings;
use crate::p1::Telegram;
use crate::p1::foreign::{Protocol, Watch};
use crate::p1::frame::{Event, Framer, FramerSettings, Proof};

/// What a port said.
#[derive(Debug)]
pub enum Heard {
    /// Telegrams.
    Telegram {
        /// The setting of the line at which they came.
        line: LineSettings,
        /// The identification line of one, `/` included.
        identification: String,
        /// Whether its CRC was verified; meters of DSMR 2 and 3 send none.
        verified: bool,
    },
    /// Telegrams that are encrypted: there is no key here to open them.
    Encrypted {
        /// The setting of the line at which they came.
        line: LineSettings,
        /// Who sends them: the maker's three letters are its first bytes.
        system_title: [u8; 8],
    },
    /// Another protocol.
    Foreign {
        /// The setting of the line at which it was recognised.
        line: LineSettings,
        /// Which one.
        protocol: Protocol,
    },
    /// Telegrams upside down: the cable does not invert the signal.
    Inverted,
    /// Bytes, but no telegram at any setting.
    Noise {
        /// How many.
        bytes: u64,
    },
    /// Nothing.
    Silence,
    /// The port could not be opened, or hung up.
    Failed(String),
}

impl Heard {
    /// Whether a P1 meter speaks there, encrypted or not.
    pub fn is_p1(&self) -> bool {
        matches!(self, Self::Telegram { .. } | Self::Encrypted { .. })
    }

    /// Whether listening on at other settings may bring more.
    fn is_final(&self) -> bool {
        !matches!(self, Self::Foreign { .. } | Self::Inverted)
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Telegram { line, identification, verified } => {
                let crc = if *verified { "CRC verified" } else { "without a CRC" };
                write!(f, "sends telegrams at {}: {identification} ({crc})", Setting(*line))
            }
            Self::Encrypted { line, system_title } => write!(
                f,
                "sends encrypted telegrams at {} (system title {}): its meter needs `key` or `key_file`, which the \
                 grid company gives",
                Setting(*line),
                system_title.escape_ascii()
            ),
            Self::Foreign { line, protocol } => {
                write!(f, "at {}: {}", Setting(*line), advice::foreign(*protocol))
            }
            Self::Inverted => f.write_str(advice::INVERTED),
            Self::Noise { bytes } => write!(
                f,
                "{bytes} bytes, but no telegram at any line setting: another device, or a cable that does not \
                 invert the signal"
            ),
            Self::Silence => {
                f.write_str("silent: another device, or a cable that is not in the meter's P1 port")
            }
            Self::Failed(error) => f.write_str(error),
        }
    }
}

/// Listens on the port at `path` for `each` at a line setting, until telegrams come. Where nothing at all is
/// heard at the two common settings, the rare ones are left out.
pub async fn probe(path: &Path, each: Duration) -> Heard {
    let mut bytes = 0;
    let mut suspected = None;
    for (number, line) in LineSettings::ALL.into_iter().enumerate() {
        if number >= 2 && bytes == 0 {
            break;
        }
        match listen(path, line, each, &mut bytes).await {
            Ok(Some(heard)) if heard.is_final() => return heard,
            Ok(heard) => suspected = suspected.or(heard),
            Err(error) => return Heard::Failed(error.to_string()),
        }
    }
    match suspected {
        Some(heard) => heard,
        None if bytes == 0 => Heard::Silence,
        None => Heard::Noise { bytes },
    }
}

/// Listens at one setting.
async fn listen(
    path: &Path,
    line: LineSettings,
    each: Duration,
    bytes: &mut u64,
) -> Result<Option<Heard>, OpenError> {
    let mut port = Port::open(path, line)?;
    let deadline = Instant::now() + each;
    let mut ear = Ear::new(line);
    let mut buffer = [0; 1_024];
    while let Ok(read) = timeout_at(deadline, port.read(&mut buffer)).await {
        let read = match read {
            Ok(read) if read > 0 => read,
            Ok(_) => return Ok(Some(Heard::Failed("it hung up".to_owned()))),
            Err(error) => return Ok(Some(Heard::Failed(format!("it hung up: {error}")))),
        };
        *bytes += read as u64;
        if let Some(heard) = ear.listen(&buffer[..read]) {
            return Ok(Some(heard));
        }
    }
    Ok(ear.suspected)
}

/// What is heard at one setting.
struct Ear {
    line: LineSettings,
    framer: Framer,
    parity: Option<ParityWatch>,
    inverted: InvertedWatch,
    foreign: Watch,
    without_crc: u32,
    suspected: Option<Heard>,
}

impl Ear {
    fn new(line: LineSettings) -> Self {
        let seven = line.data_bits == 7;
        Self {
            line,
            framer: Framer::new(FramerSettings { mask_bit7: seven, ..FramerSettings::default() }),
            parity: (!seven).then(ParityWatch::default),
            inverted: InvertedWatch::default(),
            foreign: Watch::default(),
            without_crc: 0,
            suspected: None,
        }
    }

    /// Takes the next bytes; what speaks, once it is sure to be a P1 meter.
    fn listen(&mut self, bytes: &[u8]) -> Option<Heard> {
        if self.parity.as_mut().is_some_and(|watch| watch.look(bytes)) {
            self.framer = Framer::new(FramerSettings { mask_bit7: true, ..FramerSettings::default() });
            self.parity = None;
        }
        let line = self.line;
        if self.inverted.look(bytes) {
            self.suspected = Some(Heard::Inverted);
        }
        if let Some(protocol) = self.foreign.look(bytes) {
            self.suspected = Some(Heard::Foreign { line, protocol });
        }
        let mut heard = None;
        let without_crc = &mut self.without_crc;
        self.framer.push(bytes, &mut |event| match event {
            Event::Frame(frame) if !is_credible(&Telegram::read(&frame)) => *without_crc = 0,
            Event::Frame(frame) => {
                let verified = frame.proof() == Proof::Verified;
                // Without a CRC one telegram proves little; two in a row do.
                *without_crc += 1;
                if verified || *without_crc >= 2 {
                    let identification = frame.ident().escape_ascii().to_string();
                    heard.get_or_insert(Heard::Telegram { line, identification, verified });
                }
            }
            Event::Rejected(rejected) => {
                *without_crc = 0;
                if let Some(seal) = rejected.seal {
                    let system_title = seal.system_title;
                    heard.get_or_insert(Heard::Encrypted { line, system_title });
                }
            }
        });
        heard
    }
}
