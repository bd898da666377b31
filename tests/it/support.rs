//! Shared helpers: telegrams, scratch folders, free ports, waiting with a deadline, a real mosquitto and its subscribers.
//! Every server is stopped by its own pid when its handle is dropped.

mod certificates;
mod material;
mod mosquitto;
mod subscriber;

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dsmrd::clock::Clock;

pub(crate) use certificates::Certificates;
pub(crate) use material::{corpus, files, fixtures, json, stem};
pub(crate) use mosquitto::{Mosquitto, mosquitto_missing};
pub(crate) use subscriber::{Received, Subscriber};

/// A folder that goes with its handle.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("dsmrd-test-").tempdir().expect("a scratch folder")
}

/// A port of 127.0.0.1 that nobody listens on at this moment. It lies below those that the system gives to outgoing
/// connections: among them a neighbour may take it meanwhile, and who knocks at it before anyone listens may
/// even be connected to itself.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 16_384;
    const COUNT: u32 = 16_384;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let place = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(97));
        let port = u16::try_from(FIRST + place % COUNT).expect("below 32768");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free")
}

/// What a wait is given at the least. It ends a test that hangs and says nothing of speed: a machine that is slow, or has
/// ten others' work to do, must not fail where nothing is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is left of a wait. Of each step at most a second is taken off, however long it lasted: a machine that stood still
/// for a while has given nobody the time that passed.
struct Wait {
    clock: Clock,
    last: u64,
    left: u64,
}

impl Wait {
    fn at_least(limit: Duration) -> Self {
        let limit = limit.max(PATIENCE).as_millis() as u64;
        Self { clock: Clock::system(), last: 0, left: limit }
    }

    /// Whether to ask again, after another step.
    fn goes_on(&mut self) -> bool {
        let now = self.clock.mono();
        self.left = self.left.saturating_sub((now - self.last).min(1_000));
        self.last = now;
        self.left > 0
    }
}

/// Asks `question` until it answers, for `limit` or two minutes, whichever is longer; `None` when it never did.
pub(crate) fn wait_for<T>(limit: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let mut wait = Wait::at_least(limit);
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if !wait.goes_on() {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until `condition` holds, as long as [`wait_for`], and panics with `what` when it never does.
#[track_caller]
pub(crate) fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    assert!(wait_for(limit, || condition().then_some(())).is_some(), "not within {limit:?}: {what}");
}

/// As [`wait_until`], on a runtime whose tasks go on meanwhile.
pub(crate) async fn until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let mut wait = Wait::at_least(limit);
    while !condition() {
        assert!(wait.goes_on(), "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a process that is just being started has of a file that is open here, until it runs its program.
pub(crate) fn duplicates(path: &Path) -> Vec<OwnedFd> {
    let open = std::fs::read_dir("/proc/self/fd").expect("Linux").filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().to_str()?.parse().ok()?;
        (entry.path().read_link().ok()? == path).then_some(name)
    });
    let open: Vec<i32> = open.collect();
    open.into_iter()
        .map(|descriptor| {
            // SAFETY: what it gives is new and nobody else's.
            let copy = unsafe { OwnedFd::from_raw_fd(libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0)) };
            assert!(copy.as_raw_fd() >= 0);
            copy
        })
        .collect()
}

/// Does something when it goes, also when the test has failed: a thread that waits for the test is not to wait for ever.
pub(crate) struct AtEnd<F: Fn()>(pub(crate) F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// Runs a test, which it names, in a process of its own: what is measured of a process is not to be what its neighbours
/// do. True in that process; false in the other, when the test has succeeded there.
pub(crate) fn is_alone(test: &str) -> bool {
    const ALONE: &str = "DSMRD_TEST_ALONE";
    if environment_says(ALONE) {
        return true;
    }
    let output = std::process::Command::new(std::env::current_exe().expect("it has a name"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("it runs once more");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// Whether a variable of the environment says yes, as `CI=true` does.
pub(crate) fn environment_says(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests ask the environment where they run")]
    let value = std::env::var(name);
    value.is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
