//! A share whose server is gone: whoever asks it anything waits for ever.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use dsmrd::app::backup::Backups;
use dsmrd::clock::Clock;
use dsmrd::config::BackupSettings;

use super::*;
use crate::appliance::daemon::Daemon;
use crate::support::{scratch, wait_until};

/// A file system of FUSE that nobody serves.
struct Dead {
    folder: tempfile::TempDir,
    _server: File,
}

impl Dead {
    fn mount() -> Option<Self> {
        let folder = scratch();
        let server = File::options().read(true).write(true).open("/dev/fuse");
        let mounted = server.as_ref().is_ok_and(|server| {
            let text = |text: String| std::ffi::CString::new(text).unwrap();
            let at = std::ffi::CString::new(folder.path().as_os_str().as_bytes()).unwrap();
            let options = text(format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd()));
            let (name, kind) = (text("dead".into()), text("fuse".into()));
            // SAFETY: all pointers are to texts that live until it is done.
            0 == unsafe { libc::mount(name.as_ptr(), at.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) }
        });
        if !mounted {
            eprintln!("skipped: mounting a file system needs root, and FUSE");
        }
        mounted.then(|| Self { folder, _server: server.unwrap() })
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        let at = std::ffi::CString::new(self.folder.path().as_os_str().as_bytes()).unwrap();
        // SAFETY: as above. Whoever waits is told an error when the server's end is closed.
        unsafe { libc::umount2(at.as_ptr(), libc::MNT_FORCE | libc::MNT_DETACH) };
    }
}

#[test]
fn a_share_that_does_not_answer_keeps_the_appliance_from_nothing() {
    let Some(dead) = Dead::mount() else { return };
    let folder = scratch();
    let (config, path) = (folder.path().join("dsmrd.toml"), folder.path().join("dsmrd.sqlite"));
    let file = format!(
        "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n[store]\npath = \"dsmrd.sqlite\"\n[backup]\nfolder = \"{}\"\n",
        dead.folder.path().display()
    );
    std::fs::write(&config, file).unwrap();
    let mut daemon = Daemon::start(&config);
    wait_until(Duration::from_secs(60), "readings are kept", || {
        path.exists() && Archive::open(&path).is_ok_and(|archive| archive.count().unwrap() >= 2)
    });
    assert!(daemon.log().contains("does not answer"), "{}", daemon.log());
    daemon.signal(libc::SIGTERM);
    assert!(daemon.wait().success(), "{}", daemon.log());
}

#[test]
fn a_backup_that_waits_for_ever_is_told_and_everything_else_goes_on() {
    let Some(dead) = Dead::mount() else { return };
    let folder = scratch();
    let record = record(folder.path(), 50);
    let settings =
        BackupSettings { folder: Some(dead.folder.path().to_owned()), ..BackupSettings::default() };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let clock = Clock::manual(START * 1_000);
        let mut all = Backups::new(clock.clone());
        all.start(&settings, &record);
        // It counts from here.
        tokio::time::sleep(Duration::from_secs(1)).await;
        clock.advance(61_000);
        // This comes to its end because nothing on this thread waits for the share.
        tokio::time::sleep(Duration::from_secs(120)).await;
        let problem = all.state().problem();
        assert!(problem.as_ref().is_some_and(|problem| problem.contains("does not answer")), "{problem:?}");
        all.stop().await;
    });
}
