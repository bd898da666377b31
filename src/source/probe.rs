//! Listens on a port for telegrams, as `dsmrd ports` does.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::error::OpenError;
use super::line::ParityWatch;
use super::reader::Setting;
use super::serial::Port;
use super::settings::LineSettings;
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

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Telegram { line, identification, verified } => {
                let crc = if *verified { "CRC verified" } else { "without a CRC" };
                write!(f, "sends telegrams at {}: {identification} ({crc})", Setting(*line))
            }
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
    for (number, line) in LineSettings::ALL.into_iter().enumerate() {
        if number >= 2 && bytes == 0 {
            break;
        }
        match listen(path, line, each, &mut bytes).await {
            Ok(Some(heard)) => return heard,
            Ok(None) => {}
            Err(error) => return Heard::Failed(error.to_string()),
        }
    }
    if bytes == 0 { Heard::Silence } else { Heard::Noise { bytes } }
}

async fn listen(
    path: &Path,
    line: LineSettings,
    each: Duration,
    bytes: &mut u64,
) -> Result<Option<Heard>, OpenError> {
    let mut port = Port::open(path, line)?;
    let deadline = Instant::now() + each;
    let seven = line.data_bits == 7;
    let mut framer = Framer::new(FramerSettings { mask_bit7: seven, ..FramerSettings::default() });
    let mut parity = (!seven).then(ParityWatch::default);
    let mut buffer = [0; 1_024];
    let mut without_crc = 0;
    let mut heard = None;
    while let Ok(read) = timeout_at(deadline, port.read(&mut buffer)).await {
        let read = match read {
            Ok(read) if read > 0 => read,
            Ok(_) => return Ok(Some(Heard::Failed("it hung up".to_owned()))),
            Err(error) => return Ok(Some(Heard::Failed(format!("it hung up: {error}")))),
        };
        *bytes += read as u64;
        if parity.as_mut().is_some_and(|watch| watch.look(&buffer[..read])) {
            framer = Framer::new(FramerSettings { mask_bit7: true, ..FramerSettings::default() });
            parity = None;
        }
        framer.push(&buffer[..read], &mut |event| match event {
            Event::Frame(frame) => {
                let verified = frame.proof() == Proof::Verified;
                // Without a CRC one telegram proves little; two in a row do.
                without_crc += 1;
                if verified || without_crc >= 2 {
                    let identification = frame.ident().escape_ascii().to_string();
                    heard.get_or_insert(Heard::Telegram { line, identification, verified });
                }
            }
            Event::Rejected(_) => without_crc = 0,
        });
        if heard.is_some() {
            break;
        }
    }
    Ok(heard)
}
