//! `dsmrd simulate` and `dsmrd ports` as a user runs them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::source::pty::Pty;

use super::{Meter, raw, serial, telegrams};

fn dsmrd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsmrd"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    dsmrd(arguments).output().expect("the program runs")
}

/// How many telegrams are in there; nothing else may be.
fn proven(bytes: &[u8]) -> usize {
    let (mut count, mut length) = (0, 0);
    Framer::new(FramerSettings::default()).push(bytes, &mut |event| match event {
        Event::Frame(frame) => {
            count += 1;
            length += frame.bytes().len();
        }
        Event::Rejected(rejected) => panic!("{}", rejected.reason),
    });
    assert_eq!(length, bytes.len());
    count
}

/// Stops a child by a signal and tells its exit code.
fn stop(mut child: Child, signal: libc::c_int) -> Option<i32> {
    // SAFETY: the child is ours and has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
    child.wait().expect("it ends").code()
}

#[test]
fn simulate_writes_telegrams_that_depend_on_the_seed_and_start_alone() {
    let arguments = ["simulate", "--seconds", "90", "--seed", "4", "--start", "2024-02-03T07:59:30"];
    let output = run(&arguments);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(proven(&output.stdout), 90);
    assert!(String::from_utf8_lossy(&output.stdout).contains("0-0:1.0.0(240203075930W)"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.txt");
    let written = run(&[&arguments[..], &["--output", file.to_str().unwrap()]].concat());
    assert!(written.status.success() && written.stdout.is_empty(), "{written:?}");
    assert_eq!(std::fs::read(&file).unwrap(), output.stdout);
}

#[test]
fn simulate_ends_quietly_when_nobody_reads_on() {
    let mut child = dsmrd(&["simulate", "--start", "2024-01-02"]).spawn().unwrap();
    let mut some = [0; 2_000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn simulate_stops_though_nobody_empties_its_pipe() {
    let mut child = dsmrd(&["simulate", "--start", "2024-01-02"]).spawn().unwrap();
    let mut some = [0; 100];
    let mut pipe = child.stdout.take().unwrap();
    pipe.read_exact(&mut some).unwrap();
    assert_eq!(stop(child, libc::SIGTERM), Some(0));
}

#[test]
fn simulate_stopped_at_work_leaves_whole_telegrams() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.txt");
    let arguments =
        ["simulate", "--speed", "100", "--start", "2024-01-02", "--output", file.to_str().unwrap()];
    let child = dsmrd(&arguments).spawn().unwrap();
    crate::support::wait_until(super::PATIENCE, "some telegrams are written", || {
        std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() >= 5_000)
    });
    assert_eq!(stop(child, libc::SIGTERM), Some(0));
    assert!(proven(&std::fs::read(&file).unwrap()) >= 5);
}

#[test]
fn simulate_refuses_what_it_cannot_do() {
    for (arguments, told) in [
        (&["simulate", "--start", "2001-01-01"][..], "2024-01-01 to 2099-12-31"),
        (&["simulate", "--speed", "0"], "at least 1"),
        (&["simulate", "--pty", "--listen", "127.0.0.1:0"], "cannot be used with"),
        (&["simulate", "--output", "/nowhere/day.txt"], "cannot write /nowhere/day.txt"),
    ] {
        let output = run(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(told), "{arguments:?}: {text}");
    }
}

#[test]
fn simulate_serves_clients_and_stops_on_a_signal() {
    let arguments = ["simulate", "--listen", "127.0.0.1:0", "--speed", "50", "--start", "2024-01-02"];
    let mut child = dsmrd(&arguments).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("tcp://").unwrap();
    for mut client in [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()] {
        client.set_read_timeout(Some(super::PATIENCE)).unwrap();
        let mut bytes = vec![0; 8_000];
        client.read_exact(&mut bytes).unwrap();
        let whole = bytes.windows(2).rposition(|pair| pair == b"\n/").unwrap() + 1;
        assert!(proven(&bytes[..whole]) >= 5);
    }
    assert_eq!(stop(child, libc::SIGTERM), Some(0));
}

#[test]
fn simulate_serves_clients_as_fast_as_they_read() {
    let arguments = ["simulate", "--listen", "127.0.0.1:0", "--speed", "max", "--start", "2024-01-02"];
    let mut child = dsmrd(&[&arguments[..], &["--seconds", "3000"]].concat()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut client = TcpStream::connect(line.trim().strip_prefix("tcp://").unwrap()).unwrap();
    client.set_read_timeout(Some(super::PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    assert_eq!(proven(&bytes), 3_000);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn simulate_feeds_a_pseudo_terminal() {
    let mut child = dsmrd(&["simulate", "--pty", "--start", "2024-01-02"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut meter = Meter::read(serial(line.trim().as_ref()));
    // What nobody takes in time is thrown away: a second of the meter is missing only where we were slow.
    let mut last = meter.reading().await.utc_seconds();
    for tries in 1.. {
        let next = meter.reading().await.utc_seconds();
        assert!(next > last && tries < 60, "{next} after {last}");
        if next == last + 1 {
            break;
        }
        last = next;
    }
    assert_eq!(stop(child, libc::SIGINT), Some(0));
    assert!(!meter.link().await, "the cable is gone");
    meter.stop().await;
}

#[tokio::test]
async fn ports_names_the_process_that_has_the_port_and_leaves_it_alone() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    let telegrams = telegrams(2);
    cable.write_all(&telegrams[0]).await.unwrap();
    meter.reading().await;
    let path = cable.path().to_str().unwrap().to_owned();
    let output = tokio::task::spawn_blocking(move || run(&["ports", &path, "--seconds", "1"])).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let holder = format!("in use by process {} (", std::process::id());
    assert!(output.status.code() == Some(1) && text.contains(&holder), "{text}");
    cable.write_all(&telegrams[1]).await.unwrap();
    assert_eq!(raw(&meter.reading().await), telegrams[1]);
    meter.stop().await;
}

#[tokio::test]
async fn ports_finds_the_meter() {
    let cable = Pty::open().unwrap();
    let path = cable.path().to_str().unwrap().to_owned();
    let listening = tokio::task::spawn_blocking({
        let path = path.clone();
        move || run(&["ports", &path, "--seconds", "20"])
    });
    let telegram = &telegrams(1)[0];
    while !listening.is_finished() {
        cable.offer(telegram).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = listening.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("sends telegrams at 115200 8N1: /DSM5"), "{text}");
    assert!(text.contains(&format!("source = \"{path}\"")), "{text}");
}

#[test]
fn ports_lists_without_listening() {
    let root = tempfile::tempdir().unwrap();
    let none = run(&["ports", "--root", root.path().to_str().unwrap()]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stdout).contains("No serial ports found"));
    let dev = root.path().join("dev");
    std::fs::create_dir(&dev).unwrap();
    std::fs::File::create(dev.join("ttyUSB0")).unwrap().write_all(b"").unwrap();
    let one = run(&["ports", "--no-probe", "--root", root.path().to_str().unwrap()]);
    assert!(one.status.success());
    assert_eq!(String::from_utf8_lossy(&one.stdout), format!("{}\n", dev.join("ttyUSB0").display()));
}

#[tokio::test]
async fn ports_tells_who_may_not_which_group_may() {
    use std::os::unix::process::CommandExt;

    // SAFETY: the call has no arguments and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: only root can become somebody without permission");
        return;
    }
    let cable = Pty::open().unwrap();
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let dialout =
        groups.lines().find_map(|line| line.strip_prefix("dialout:x:")?.split(':').next()?.parse().ok());
    std::os::unix::fs::chown(cable.path(), None, Some(dialout.expect("Debian has the group"))).unwrap();
    std::fs::set_permissions(cable.path(), std::os::unix::fs::PermissionsExt::from_mode(0o660)).unwrap();
    let mut command = dsmrd(&["ports", cable.path().to_str().unwrap(), "--seconds", "1"]);
    let output = command.uid(65_534).gid(65_534).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("no permission; it belongs to the group dialout"), "{text}");
    assert!(text.contains("`sudo usermod -aG dialout nobody`"), "{text}");
}
