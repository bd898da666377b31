//! The daemon as a child process, its configuration and its log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::support::wait_for;

/// `dsmrd run` as a child; it does not outlive the test.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it on `config`; its log goes to `dsmrd.log` in the same folder.
    pub(crate) fn start(config: &Path) -> Self {
        Self::start_with(config, &[])
    }

    /// As [`Daemon::start`], with more in its environment.
    pub(crate) fn start_with(config: &Path, environment: &[(&str, &Path)]) -> Self {
        let log = config.with_file_name("dsmrd.log");
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
            .args(["run", "--config"])
            .arg(config)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("dsmrd starts");
        Self { child, log }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the process itself.
    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: the child has not been waited for, so the pid is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as libc::pid_t, signal) }, 0);
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }

    /// Waits until the log holds `text` (`times` times).
    pub(crate) fn wait_for_log(&self, text: &str, times: usize) {
        let found = || (self.log().matches(text).count() >= times).then_some(());
        wait_for(Duration::from_secs(20), found)
            .unwrap_or_else(|| panic!("no {text:?} in the log:\n{}", self.log()));
    }

    /// Waits until it ends.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for(Duration::from_secs(20), || self.child.try_wait().expect("a child"))
            .unwrap_or_else(|| panic!("it does not end:\n{}", self.log()))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stored readings as `dsmrd export` shows them: the column of the first import register, as Wh above 100 kWh.
pub(crate) fn stored(config: &Path) -> Vec<u64> {
    let output = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["export", "--format", "json", "--config"])
        .arg(config)
        .output()
        .expect("export runs");
    let problem = String::from_utf8_lossy(&output.stderr);
    if ["nothing is stored in it yet", "no such database"].iter().any(|early| problem.contains(early)) {
        return Vec::new();
    }
    assert!(output.status.success(), "{problem}");
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| {
            // As text: a JSON library would turn the number into a float and lose its zeros.
            let register = line.split("\"energy_import_t1\":").nth(1).expect("the register");
            let digits: String = register
                .chars()
                .take_while(|c| *c == '.' || c.is_ascii_digit())
                .filter(|c| *c != '.')
                .collect();
            let wh: u64 = digits.parse().expect("a number");
            wh - 100_000
        })
        .collect()
}
