//! Why a source cannot be opened or goes on no longer, said so that the reader knows what to do.

use std::io;
use std::path::PathBuf;

use super::holder::Holder;

/// Why a source could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path of a serial port leads nowhere.
    #[error(
        "{}: no such device; is the cable plugged in? `dsmrd ports` lists the serial ports of this machine",
        .path.display()
    )]
    NoSuchDevice {
        /// The port.
        path: PathBuf,
    },
    /// Another program, or another meter of this configuration, has the port.
    #[error("{}: the port is in use by {}; only one program can read it", .path.display(), who(.holders))]
    Busy {
        /// The port.
        path: PathBuf,
        /// Who has it, as far as this process may see.
        holders: Vec<Holder>,
    },
    /// The user may not open the port.
    #[error("{}: no permission; {advice}", .path.display())]
    Permission {
        /// The port.
        path: PathBuf,
        /// What to do about it.
        advice: String,
    },
    /// The path is no terminal.
    #[error("{}: not a serial port; for a recording write it as file://{}", .path.display(), .path.display())]
    NotATerminal {
        /// The path.
        path: PathBuf,
    },
    /// The port does not know a line setting, or fails otherwise.
    #[error("{}: cannot open the port: {message}", .path.display())]
    Port {
        /// The port.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
    /// A host name is unknown.
    #[error("tcp://{host}: the name cannot be resolved: {error}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        error: io::Error,
    },
    /// No address of the host takes the connection.
    #[error("{address}: {error}; is the server there, and does it serve another client already?")]
    Connect {
        /// The address tried last.
        address: String,
        /// Why it did not connect.
        error: io::Error,
    },
    /// A recording cannot be read.
    #[error("{}: cannot open the recording: {error}", .path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

fn who(holders: &[Holder]) -> String {
    match holders {
        [] => "another program (run `sudo fuser -v` on it to see which)".to_owned(),
        [one] => one.to_string(),
        [one, more @ ..] => format!("{one} and {} more", more.len()),
    }
}
