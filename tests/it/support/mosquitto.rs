//! A real mosquitto on a free port of 127.0.0.1.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{environment_says, free_port, scratch, wait_until};

/// Where the program is; Debian keeps it out of a user's PATH.
fn program() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the program is looked for where a shell would")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.is_file())
}

/// True when there is no mosquitto here, having said that the test is skipped. On a build server (`CI=true`)
/// a missing mosquitto is a failure.
#[track_caller]
pub(crate) fn mosquitto_missing() -> bool {
    if program().is_some() {
        return false;
    }
    assert!(!environment_says("CI"), "mosquitto is not installed, and these tests are not skipped in CI");
    eprintln!("SKIPPED: mosquitto is not installed");
    true
}

/// A running (or stopped) mosquitto with its configuration and its log in a scratch folder.
pub(crate) struct Mosquitto {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    /// A broker that lets everyone in and keeps nothing on disk.
    pub(crate) fn start() -> Self {
        Self::with("allow_anonymous true\n")
    }

    /// A broker with these lines in its configuration, after the listener; files named in them lie in
    /// [`Mosquitto::folder`] or anywhere else.
    pub(crate) fn with(lines: &str) -> Self {
        let mut broker = Self::prepare(lines);
        broker.restart();
        broker
    }

    /// A broker that is configured and not running.
    pub(crate) fn prepare(lines: &str) -> Self {
        let broker = Self { folder: scratch(), port: free_port(), child: None };
        let mut text = format!("listener {} 127.0.0.1\n", broker.port);
        text.push_str("log_dest stderr\nlog_type all\nconnection_messages true\nmax_queued_messages 0\n");
        // Started as root it would become another user and could not read its own folder.
        text.push_str("user root\n");
        writeln!(text, "{lines}").expect("a string takes text");
        fs::write(broker.folder.path().join("mosquitto.conf"), text).expect("the configuration is written");
        broker
    }

    /// Where its configuration and its log are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The port it listens on, the same over restarts.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its process, while it runs.
    pub(crate) fn pid(&self) -> Option<i32> {
        self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok())
    }

    /// What it has logged, over all restarts.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("mosquitto.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Starts it (again) and waits until it answers. What it retained is gone, unless its configuration keeps it.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("mosquitto.log"))
            .expect("its log is opened");
        let child = Command::new(program().expect("mosquitto is installed"))
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("mosquitto starts");
        self.child = Some(child);
        wait_until(Duration::from_secs(10), "mosquitto answers", || {
            let ended = self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            assert!(!ended, "mosquitto ended:\n{}", self.log());
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it in its tracks: connections stay open, nothing is answered.
    pub(crate) fn hang(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on after [`Mosquitto::hang`].
    pub(crate) fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Sends a signal: `SIGHUP` reloads, `SIGTERM` ends it in order.
    pub(crate) fn signal(&self, signal: i32) {
        let pid = self.pid().expect("mosquitto runs");
        // SAFETY: kill takes two numbers; the child has not been waited for, so that the pid is still its own.
        let result = unsafe { libc::kill(pid, signal) };
        assert_eq!(result, 0, "signal {signal} to mosquitto");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("mosquitto on port {} logged:\n{}", self.port, self.log());
        }
    }
}
