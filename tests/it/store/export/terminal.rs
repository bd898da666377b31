//! Somebody looks on: the bar, Ctrl-C, a reader that goes away, a disk that is full.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::super::{meter, open, reading, runtime};
use super::{export, text};
use crate::support::wait_until;

/// A record with hours of readings.
fn record(folder: &Path, count: i64) -> std::path::PathBuf {
    let path = folder.join("dsmrd.sqlite");
    runtime().block_on(async {
        let opened = open(&path);
        for second in 0..count {
            opened.store.put(&meter("home"), reading(second, second)).await;
        }
        opened.store.close().await.unwrap();
    });
    path
}

/// A terminal: where a program writes to, and what comes to be seen there.
fn terminal() -> (Stdio, JoinHandle<String>) {
    let (mut master, mut slave) = (0, 0);
    let size = libc::winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: all pointers are to live variables or null; the two descriptors are ours from here on.
    let (mut master, slave) = unsafe {
        let (name, mode) = (std::ptr::null_mut(), std::ptr::null());
        assert_eq!(libc::openpty(&raw mut master, &raw mut slave, name, mode, &raw const size), 0);
        for end in [master, slave] {
            assert_eq!(libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC), 0);
        }
        (File::from(OwnedFd::from_raw_fd(master)), OwnedFd::from_raw_fd(slave))
    };
    let seen = std::thread::spawn(move || {
        let (mut seen, mut piece) = (Vec::new(), [0; 4_096]);
        // It ends with an error when nobody has the other end any more.
        while let Ok(read @ 1..) = master.read(&mut piece) {
            seen.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&seen).into_owned()
    });
    (Stdio::from(slave), seen)
}

fn spawn(database: &Path, more: &[&str], out: Stdio, errors: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.args(["export", "--database"]).arg(database).args(more);
    command.env("TERM", "xterm").stdin(Stdio::null()).stdout(out).stderr(errors).spawn().unwrap()
}

/// What is left to see on the last line.
fn last_line(seen: &str) -> &str {
    let line = seen.rsplit(['\r', '\n']).next().unwrap_or_default();
    // Emptied by a control sequence, if anything stood there.
    line.rsplit("\x1b[2K").next().unwrap_or_default().trim()
}

#[test]
fn a_bar_is_shown_on_a_terminal_alone_and_gone_at_the_end() {
    let folder = crate::support::scratch();
    let path = record(folder.path(), 5_000);
    let file = folder.path().join("out.csv");
    let output = ["--output", file.to_str().unwrap()];
    let (errors, seen) = terminal();
    assert!(spawn(&path, &output, Stdio::null(), errors).wait().unwrap().success());
    let seen = seen.join().unwrap();
    assert!(seen.contains(" rows  ") && seen.contains(" %"), "{seen:?}");
    assert_eq!(last_line(&seen), "", "{seen:?}");
    let percents: Vec<u32> = seen
        .split(" %")
        .filter_map(|text| text.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
        .collect();
    assert!(percents.is_sorted() && percents.iter().all(|percent| *percent <= 100), "{percents:?}");
    // Standard output sent into a file is as good as a name.
    let (errors, seen) = terminal();
    let into = File::create(folder.path().join("other.csv")).unwrap();
    assert!(spawn(&path, &[], into.into(), errors).wait().unwrap().success());
    assert!(seen.join().unwrap().contains(" rows  "));
    // A program that reads along may have the terminal to itself.
    let (errors, seen) = terminal();
    let piped = spawn(&path, &[], Stdio::piped(), errors).wait_with_output().unwrap();
    assert_eq!(piped.stdout, std::fs::read(&file).unwrap());
    assert_eq!(seen.join().unwrap(), "");
    // Nobody looks on.
    let quiet = export(&path, &output);
    assert!(quiet.stderr.is_empty());
    text(quiet);
}

#[test]
fn ctrl_c_leaves_what_was_there_and_nothing_half_done() {
    let folder = crate::support::scratch();
    let path = record(folder.path(), 20_000);
    for format in ["csv", "parquet"] {
        if format == "parquet" && !cfg!(feature = "parquet") {
            continue;
        }
        let (file, part) = (folder.path().join("out"), folder.path().join("out.part"));
        std::fs::write(&file, "of before").unwrap();
        // One that is done before the signal comes is tried again.
        wait_until(Duration::from_secs(60), "an export is interrupted", || {
            let (errors, seen) = terminal();
            let arguments = ["--format", format, "--output", file.to_str().unwrap()];
            let mut child = spawn(&path, &arguments, Stdio::null(), errors);
            while !part.exists() && child.try_wait().unwrap().is_none() {}
            // SAFETY: a plain system call; the child has not been waited for.
            unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
            let status = child.wait().unwrap();
            let seen = seen.join().unwrap();
            assert!(!part.exists(), "{status}");
            if status.code() == Some(130) {
                assert!(
                    last_line(seen.trim_end()).starts_with("dsmrd: interrupted; nothing was written"),
                    "{seen:?}"
                );
                assert_eq!(std::fs::read(&file).unwrap(), b"of before");
            }
            status.code() == Some(130)
        });
    }
}

/// As behind `nohup`: who started it wants it to go on when the terminal is closed.
#[test]
fn a_signal_that_was_ignored_before_it_began_stays_so() {
    let folder = crate::support::scratch();
    let path = record(folder.path(), 20_000);
    let (file, part) = (folder.path().join("out.csv"), folder.path().join("out.csv.part"));
    let deaf = "trap '' HUP; exec \"$0\" \"$@\"";
    for _ in 0..5 {
        let mut child = Command::new("sh")
            .args(["-c", deaf, env!("CARGO_BIN_EXE_dsmrd"), "export", "--database"])
            .args([&path, Path::new("--output"), &file])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !part.exists() && child.try_wait().unwrap().is_none() {}
        if child.try_wait().unwrap().is_none() {
            // SAFETY: a plain system call; the child has not been waited for.
            unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGHUP) };
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 20_001);
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is_one() {
    let folder = crate::support::scratch();
    let path = record(folder.path(), 20_000);
    for format in ["csv", "json", "influx"] {
        let mut child = spawn(&path, &["--format", format], Stdio::piped(), Stdio::piped());
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 10]).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.status.signal()), (Some(0), None), "{format}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
    }
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for gzip in [&[][..], &["--gzip"]] {
        let output = spawn(&path, gzip, full().into(), Stdio::piped()).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("standard output: No space left on device"), "{told}");
    }
    let output = export(&path, &["--output", "/dev/full"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/dev/full: No space left on device"));
    // The system refuses to write beyond so many blocks of a file; what SQLite puts beside the database takes 64.
    let file = folder.path().join("out.csv");
    let formats: &[&str] =
        if cfg!(feature = "parquet") { &["csv", "json", "parquet"] } else { &["csv", "json"] };
    for format in formats {
        let limited = "ulimit -f 70; trap '' XFSZ; exec \"$0\" \"$@\"";
        let output = Command::new("sh")
            .args(["-c", limited, env!("CARGO_BIN_EXE_dsmrd"), "export", "--format", format, "--database"])
            .args([&path, Path::new("--output"), &file])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{format}: {told}");
        assert!(told.contains("out.csv: File too large"), "{format}: {told}");
        assert!(!file.exists() && !file.with_extension("csv.part").exists(), "{format}");
    }
}
