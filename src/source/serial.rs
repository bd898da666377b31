//! The P1 cable: a serial port, or a pseudo-terminal that looks like one.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt;
use tokio_serial::{ErrorKind, SerialStream};

use super::access;
use super::error::OpenError;
use super::holder::holders;
use super::settings::{LineSettings, Parity};

/// An open port. While it is open no one else who asks can have it (`TIOCEXCL` and `flock`); it never
/// becomes the terminal of the process (`O_NOCTTY`).
#[derive(Debug)]
pub(super) struct Port(SerialStream);

impl Port {
    /// Opens the port at `path` with the line set to `line`.
    ///
    /// # Errors
    ///
    /// Each reason that a user can do something about is an [`OpenError`] of its own.
    pub(super) fn open(path: &Path, line: LineSettings) -> Result<Self, OpenError> {
        match path.metadata() {
            Ok(metadata) if !metadata.file_type().is_char_device() => {
                return Err(OpenError::NotATerminal { path: path.to_owned() });
            }
            // What else is wrong with the path, opening it will tell.
            _ => {}
        }
        let parity = match line.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
        };
        let data_bits =
            if line.data_bits == 7 { tokio_serial::DataBits::Seven } else { tokio_serial::DataBits::Eight };
        let builder = tokio_serial::new(path.to_string_lossy(), line.baud)
            .data_bits(data_bits)
            .parity(parity)
            .stop_bits(tokio_serial::StopBits::One)
            .flow_control(tokio_serial::FlowControl::None);
        SerialStream::open(&builder).map(Self).map_err(|error| explain(path, &error))
    }

    /// The next bytes; none when the port hung up.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).await
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // The kernel keeps TIOCEXCL until the last descriptor is gone: where someone else holds one, as the
        // feeder of a pseudo-terminal does, nobody but root could open the port again.
        let _ = self.0.set_exclusive(false);
        // The same goes for the lock, which a process that was just forked has until it runs its program.
        // SAFETY: flock takes two numbers, and the descriptor is open.
        unsafe { libc::flock(self.0.as_raw_fd(), libc::LOCK_UN) };
    }
}

/// The library reports a taken port as a missing one, and tells the two apart by their text alone.
fn explain(path: &Path, error: &tokio_serial::Error) -> OpenError {
    let path = || -> PathBuf { path.to_owned() };
    match error.kind {
        ErrorKind::Io(io::ErrorKind::NotFound) => OpenError::NoSuchDevice { path: path() },
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
            let advice = access::advice(&path(), Path::new("/etc"), access::user());
            OpenError::Permission { path: path(), advice }
        }
        ErrorKind::NoDevice => {
            OpenError::Busy { path: path(), holders: holders(Path::new("/proc"), &path()) }
        }
        _ => match error.to_string().as_str() {
            "Not a typewriter" | "Inappropriate ioctl for device" => OpenError::NotATerminal { path: path() },
            // The node is there, the device behind it is not: what a driver says after a cable was pulled.
            "No such device" | "No such device or address" => OpenError::NoSuchDevice { path: path() },
            "Operation not permitted" => {
                let advice = access::advice(&path(), Path::new("/etc"), access::user());
                OpenError::Permission { path: path(), advice }
            }
            message => OpenError::Port { path: path(), message: message.to_owned() },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: ErrorKind, text: &str) -> String {
        explain(Path::new("/dev/ttyUSB9"), &tokio_serial::Error::new(kind, text)).to_string()
    }

    #[test]
    fn every_reason_says_what_to_do() {
        let missing = told(ErrorKind::Io(io::ErrorKind::NotFound), "No such file or directory");
        assert!(
            missing.contains("/dev/ttyUSB9: no such device") && missing.contains("dsmrd ports"),
            "{missing}"
        );
        assert_eq!(told(ErrorKind::Unknown, "No such device or address"), missing);
        let denied = told(ErrorKind::Io(io::ErrorKind::PermissionDenied), "Permission denied");
        assert!(denied.contains("no permission") && denied.contains("dialout"), "{denied}");
        for text in ["Unable to acquire exclusive lock on serial port", "Device or resource busy"] {
            let busy = told(ErrorKind::NoDevice, text);
            assert!(busy.contains("in use by another program"), "{busy}");
        }
        assert!(told(ErrorKind::Unknown, "Not a typewriter").contains("file:///dev/ttyUSB9"));
        assert!(told(ErrorKind::Unknown, "Settings did not apply correctly").contains("did not apply"));
    }
}
