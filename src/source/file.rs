//! A recording as a stream: a file, a named pipe, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::error::OpenError;

/// Bytes read at once. A thread of its own reads, because standard input and pipes can block for ever; it
/// is at most two chunks ahead.
const CHUNK: usize = 4_096;
const AHEAD: usize = 2;
/// The wait between two chunks of a file: about a thousand telegrams a second are read, so that a recording
/// does not outrun the store. Pipes have a pace of their own.
const PACE: Duration = Duration::from_millis(4);

/// A recording that is being read.
#[derive(Debug)]
pub(super) struct Recorded {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    used: usize,
    pace: Option<Duration>,
    ends: bool,
}

impl Recorded {
    /// Opens the recording at `path`; without one, standard input.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Recording { path: path.unwrap_or(Path::new("-")).to_owned(), error };
        if path.is_some_and(Path::is_dir) {
            return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
        }
        let (sender, chunks) = mpsc::channel(AHEAD);
        let path_owned = path.map(Path::to_owned);
        // Opening a named pipe waits for its writer, so the thread opens; a file is tried first, for its error.
        let mut pace = None;
        if let Some(path) = path
            && path.metadata().map_err(failed)?.is_file()
        {
            File::open(path).map_err(failed)?;
            pace = Some(PACE);
        }
        let ends = path.is_none() || pace.is_some();
        let pump = move || {
            let mut input: Box<dyn Read> = match path_owned {
                None => Box::new(io::stdin()),
                Some(path) => match File::open(path) {
                    Ok(file) => Box::new(file),
                    Err(error) => return drop(sender.blocking_send(Err(error))),
                },
            };
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = match input.read(&mut chunk) {
                    Ok(0) => return,
                    Ok(read) => Ok(read),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                let message = read.map(|read| {
                    chunk.truncate(read);
                    chunk
                });
                if sender.blocking_send(message).is_err() || failed {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("recording".into()).spawn(pump).map_err(failed)?;
        Ok(Self { chunks, rest: Vec::new(), used: 0, pace, ends })
    }

    /// Whether its end is the end of everything. A named pipe ends with its writer, and another may come.
    pub(super) fn ends(&self) -> bool {
        self.ends
    }

    /// The next bytes; none at the end.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.rest.len() {
            if let Some(pace) = self.pace {
                sleep(pace).await;
            }
            match self.chunks.recv().await {
                None => return Ok(0),
                Some(chunk) => (self.rest, self.used) = (chunk?, 0),
            }
        }
        let taken = buffer.len().min(self.rest.len() - self.used);
        buffer[..taken].copy_from_slice(&self.rest[self.used..self.used + taken]);
        self.used += taken;
        Ok(taken)
    }
}
