//! An open source, whatever it is: the next bytes, please.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::error::OpenError;
use super::file::Recorded;
use super::serial::Port;
use super::settings::{Line, LineSettings, SourceSettings, SourceUrl};
use super::simulate::Live;
use super::tcp;
use crate::clock::Clock;

/// Opens a source and closes it again, without waiting for a telegram. Standard input is left alone, since what
/// is read from it is gone.
///
/// # Errors
///
/// Why it cannot be opened.
pub async fn check(settings: &SourceSettings, clock: &Clock) -> Result<(), OpenError> {
    let line = match settings.line {
        Line::Auto => LineSettings::ALL[0],
        Line::Fixed(line) => line,
    };
    match settings.url {
        SourceUrl::Stdin => Ok(()),
        _ => Stream::open(&settings.url, line, clock).await.map(drop),
    }
}

#[derive(Debug)]
pub(super) enum Stream {
    Serial(Port),
    Tcp(TcpStream),
    Recorded(Recorded),
    Simulated(Box<Live>),
    /// What a test plays.
    #[cfg(test)]
    Played(tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>),
}

impl Stream {
    /// Opens a source; `line` is for serial ports.
    pub(super) async fn open(url: &SourceUrl, line: LineSettings, clock: &Clock) -> Result<Self, OpenError> {
        Ok(match url {
            SourceUrl::Serial(path) => Self::Serial(Port::open(path, line)?),
            SourceUrl::Tcp { host, port } => Self::Tcp(tcp::connect(host, *port).await?),
            SourceUrl::File(path) => Self::Recorded(Recorded::open(Some(path))?),
            SourceUrl::Stdin => Self::Recorded(Recorded::open(None)?),
            SourceUrl::Simulate { seed } => Self::Simulated(Box::new(Live::new(*seed, clock.clone()))),
        })
    }

    /// Whether opening it anew may bring back what is silent. What is read from a recording or pipe is gone.
    pub(super) fn can_restart(&self) -> bool {
        !matches!(self, Self::Recorded(_))
    }

    /// Whether its end is the end of everything.
    pub(super) fn ends(&self) -> bool {
        matches!(self, Self::Recorded(recorded) if recorded.ends())
    }

    /// The next bytes; none at the end or after a hang-up. May be cancelled; nothing is lost by it.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Serial(port) => port.read(buffer).await,
            Self::Tcp(stream) => stream.read(buffer).await,
            Self::Recorded(recorded) => recorded.read(buffer).await,
            Self::Simulated(live) => live.read(buffer).await,
            #[cfg(test)]
            Self::Played(chunks) => Ok(chunks.recv().await.map_or(0, |chunk| {
                buffer[..chunk.len()].copy_from_slice(&chunk);
                chunk.len()
            })),
        }
    }
}
