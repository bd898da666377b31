//! A pseudo-terminal that plays the cable: what is written here comes out of a path that looks like a port.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A pseudo-terminal in raw mode. Its reader's end is kept open here as well, so that it exists before and
/// between readers. Dropping it hangs up on whoever reads.
#[derive(Debug)]
pub struct Pty {
    feeder: AsyncFd<OwnedFd>,
    cable: OwnedFd,
    path: PathBuf,
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn close_on_exec(fd: RawFd) -> io::Result<()> {
    // SAFETY: fcntl on a descriptor that is open, with plain integers.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

impl Pty {
    /// Opens a new pseudo-terminal. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system has no pseudo-terminals left or `/dev/pts` is not mounted.
    pub fn open() -> io::Result<Self> {
        let (mut feeder, mut cable) = (-1, -1);
        // SAFETY: both descriptors are written before the call succeeds; name, settings and size may be null.
        check(unsafe {
            libc::openpty(
                &mut feeder,
                &mut cable,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        })?;
        // SAFETY: the two descriptors are new and belong to nobody else.
        let (feeder, cable) = unsafe { (OwnedFd::from_raw_fd(feeder), OwnedFd::from_raw_fd(cable)) };
        close_on_exec(feeder.as_raw_fd())?;
        close_on_exec(cable.as_raw_fd())?;
        // Raw from the start: a terminal in line mode would echo telegrams and swallow bytes.
        // SAFETY: termios is plain data, filled by tcgetattr before it is used.
        unsafe {
            let mut settings = std::mem::zeroed::<libc::termios>();
            check(libc::tcgetattr(cable.as_raw_fd(), &mut settings))?;
            libc::cfmakeraw(&mut settings);
            check(libc::tcsetattr(cable.as_raw_fd(), libc::TCSANOW, &settings))?;
            check(libc::fcntl(feeder.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK))?;
        }
        let mut name = [0 as libc::c_char; 128];
        // SAFETY: the buffer is as long as said, and the name is terminated on success.
        let name = unsafe {
            match libc::ptsname_r(feeder.as_raw_fd(), name.as_mut_ptr(), name.len()) {
                0 => CStr::from_ptr(name.as_ptr()),
                error => return Err(io::Error::from_raw_os_error(error)),
            }
        };
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
        // SAFETY: the descriptor is owned by what is registered, and stays the same until it is dropped.
        let feeder = unsafe { AsyncFd::register_with_interest(feeder, Interest::WRITABLE) }?;
        Ok(Self { feeder, cable, path })
    }

    /// The path to read from, `/dev/pts/…`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes wait for a reader.
    pub fn unread(&self) -> io::Result<usize> {
        let mut unread: libc::c_int = 0;
        // SAFETY: FIONREAD writes one int.
        check(unsafe { libc::ioctl(self.cable.as_raw_fd(), libc::FIONREAD, &mut unread) })?;
        Ok(unread.unsigned_abs() as usize)
    }

    /// Hands a telegram to the reader and never waits, as a cable does: when nobody took the one before, that
    /// one is thrown away first, so that a reader who comes later sees no old telegrams. Returns whether
    /// something was thrown away.
    ///
    /// # Errors
    ///
    /// When the pseudo-terminal fails; a full one is not an error.
    pub fn offer(&self, telegram: &[u8]) -> io::Result<bool> {
        let stale = self.unread()? > 0;
        if stale {
            // SAFETY: a plain call on a descriptor that is open.
            check(unsafe { libc::tcflush(self.cable.as_raw_fd(), libc::TCIFLUSH) })?;
        }
        let mut rest = telegram;
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stale)
    }

    /// Writes all of it, waiting for the reader to make room.
    ///
    /// # Errors
    ///
    /// When the pseudo-terminal fails.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.feeder.writable().await?;
            match ready.try_io(|_| self.write(bytes)) {
                Ok(written) => bytes = &bytes[written?..],
                Err(_not_ready) => {}
            }
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: the pointer and the length are those of a slice.
        let written = unsafe { libc::write(self.feeder.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }
}
