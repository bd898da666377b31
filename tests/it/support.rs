//! Shared helpers: telegrams, scratch folders, free ports, waiting with a deadline, a real mosquitto and its subscribers.
//! Every server is stopped by its own pid when its handle is dropped.

mod certificates;
mod material;
mod mosquitto;
mod subscriber;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

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

/// Asks `question` until it answers, at most for `limit`; `None` when it never did.
pub(crate) fn wait_for<T>(limit: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    const STEP: Duration = Duration::from_millis(10);
    for _ in 0..=limit.as_millis() / STEP.as_millis() {
        if let Some(answer) = question() {
            return Some(answer);
        }
        std::thread::sleep(STEP);
    }
    None
}

/// Waits until `condition` holds, at most for `limit`, and panics with `what` when it never does.
#[track_caller]
pub(crate) fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    assert!(wait_for(limit, || condition().then_some(())).is_some(), "not within {limit:?}: {what}");
}

/// As [`wait_until`], on a runtime whose tasks go on meanwhile.
pub(crate) async fn until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(limit, waiting).await.is_ok(), "not within {limit:?}: {what}");
}

/// Whether a variable of the environment says yes, as `CI=true` does.
pub(crate) fn environment_says(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests ask the environment where they run")]
    let value = std::env::var(name);
    value.is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
