//! Real file systems, mounted for a test; skipped where that is not permitted.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dsmrd::store::Range;

use crate::appliance::daemon::{Daemon, stored};
use crate::appliance::meter::{Meter, telegram};
use crate::store::{meter, numbers, open, reading, runtime};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, wait_until};

/// A small file system in memory, unmounted with its handle.
pub(in crate::store) struct Small(pub(in crate::store) tempfile::TempDir);

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mount = Command::new("mount").args(arguments).arg(at).stderr(Stdio::null()).status();
    mount.is_ok_and(|status| status.success())
}

impl Small {
    /// Of so many megabytes; none where that is not permitted.
    pub(in crate::store) fn mount(megabytes: u32) -> Option<Self> {
        let folder = crate::support::scratch();
        let size = format!("size={megabytes}m");
        let mounted = mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], folder.path());
        if !mounted {
            eprintln!("skipped: mounting a file system needs root");
        }
        mounted.then_some(Self(folder))
    }

    /// Makes it larger, while it is in use.
    pub(in crate::store) fn grow(&self, megabytes: u32) -> bool {
        mount(&["-o", &format!("remount,size={megabytes}m")], self.0.path())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Failing to unmount leaves an empty file system behind, no more.
        let _ = Command::new("umount").arg(self.0.path()).stderr(Stdio::null()).status();
    }
}

#[test]
fn a_full_disk_costs_nothing_again_and_again() {
    let Some(small) = Small::mount(1) else { return };
    let path = small.0.path().join("dsmrd.sqlite");
    let filler = small.0.path().join("filler");
    runtime().block_on(async {
        let opened = open(&path);
        let counters = &opened.counters;
        let mut next = 0;
        for cycle in 0..20 {
            // The journal's own room is taken as well: it has to grow.
            std::fs::write(path.with_extension("sqlite.journal"), b"").unwrap();
            let mut size = 1 << 20;
            while size > 0 && std::fs::write(&filler, vec![1u8; size]).is_err() {
                size -= 4_096;
            }
            for _ in 0..500 {
                opened.clock.advance(30_000);
                opened.store.put(&meter("home"), reading(next * 30, next)).await;
                next += 1;
            }
            let what = format!("cycle {cycle} is noticed");
            crate::support::until(Duration::from_secs(20), &what, || counters.health().trouble.is_some())
                .await;
            std::fs::remove_file(&filler).unwrap();
            let what = format!("cycle {cycle} is over");
            crate::support::until(Duration::from_secs(20), &what, || {
                opened.clock.advance(100);
                counters.health().trouble.is_none() && counters.offered.get() == counters.stored.get()
            })
            .await;
            // What was in the journal when we emptied it is in blocks from here on.
            opened.store.flush().await.unwrap();
        }
        opened.store.close().await.unwrap();
        assert_eq!(counters.health().lost, 0);
        assert_eq!(numbers(&path, Range::default()), (0..next).collect::<Vec<_>>());
    });
}

#[test]
fn the_daemon_starts_on_a_read_only_file_system_and_says_so_over_mqtt() {
    if mosquitto_missing() {
        return;
    }
    let Some(small) = Small::mount(1) else { return };
    let (folder, broker) = (crate::support::scratch(), Mosquitto::start());
    let config = folder.path().join("dsmrd.toml");
    let text = format!(
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n[store]\npath = \"{}/record.sqlite\"\n\
         [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{}\"\n",
        small.0.path().display(),
        broker.port()
    );
    std::fs::write(&config, text).unwrap();
    let mut meter = Meter::plug_in(&folder.path().join("tty"));
    // The record has a past: what reads it meanwhile must not keep the writer out later.
    let mut before = Daemon::start(&config);
    meter.send(&telegram(0));
    wait_until(Duration::from_secs(20), "the first is stored", || stored(&config) == [0]);
    before.signal(libc::SIGTERM);
    assert!(before.wait().success());
    assert!(mount(&["-o", "remount,ro"], small.0.path()), "it can be made read-only");
    let daemon = Daemon::start(&config);
    let state = Subscriber::new(broker.port(), "#");
    for n in 1..=5 {
        meter.send(&telegram(n));
    }
    let soon = Duration::from_secs(20);
    let says = |text: &str| state.last("dsmrd/store").is_some_and(|payload| payload.contains(text));
    wait_until(soon, "values are published", || {
        state.last("dsmrd/home/power_import").as_deref() == Some("0.005")
    });
    wait_until(soon, "and that the record is closed", || says("\"state\": \"closed\""));
    assert!(says("read-only") && says("\"since\": \"20"), "{:?}", state.last("dsmrd/store"));
    assert!(daemon.log().contains("the record cannot be opened yet"), "{}", daemon.log());
    assert!(mount(&["-o", "remount,rw"], small.0.path()));
    wait_until(Duration::from_secs(10), "the record is open", || says("\"state\": \"ok\""));
    wait_until(soon, "with everything", || stored(&config) == [0, 1, 2, 3, 4, 5]);
    let topics: Vec<String> = state.messages().iter().map(|message| message.topic.clone()).collect();
    assert!(topics.iter().any(|topic| topic.ends_with("/dsmrd-appliance/config")), "{topics:?}");
}
