//! Serial ports, played by pseudo-terminals.

use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::{Meter, import_t1, raw, serial, settings, telegrams, with_parity, without_crc};
use dsmrd::source::probe::{Heard, probe};
use dsmrd::source::pty::Pty;
use dsmrd::source::{Delivery, Line, LineSettings, SourceUrl};

#[tokio::test]
async fn telegrams_become_readings_in_order() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    let telegrams = telegrams(50);
    for telegram in &telegrams {
        cable.write_all(telegram).await.unwrap();
    }
    assert!(matches!(meter.next().await, Delivery::Link(true)), "the link is told first");
    for telegram in &telegrams {
        let reading = meter.reading().await;
        assert_eq!(raw(&reading), telegram);
        assert_eq!(reading.cells().count(), 31, "every object has its field");
        assert_eq!(reading.mbus.len(), 2);
    }
    let counters = meter.stop().await;
    assert_eq!((counters.delivered.get(), counters.opens.get()), (50, 1));
    assert_eq!(counters.bytes.get(), telegrams.iter().map(|t| t.len() as u64).sum::<u64>());
    assert_eq!(counters.unrecognised_lines.get(), 0);
}

#[tokio::test]
async fn bytes_may_come_one_by_one_and_after_noise() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    let telegrams = telegrams(3);
    for byte in &telegrams[0] {
        cable.write_all(&[*byte]).await.unwrap();
    }
    let mut noise = vec![0, 0xFF, b'/', b'!', 0x0D, 0xAF];
    noise.extend_from_slice(&telegrams[1][200..]);
    noise.extend_from_slice(b"/half a telegram\r\n");
    cable.write_all(&noise).await.unwrap();
    cable.write_all(&telegrams[2]).await.unwrap();
    assert_eq!(raw(&meter.reading().await), telegrams[0]);
    assert_eq!(raw(&meter.reading().await), telegrams[2]);
    let counters = meter.stop().await;
    assert_eq!(counters.rejected_truncated.get(), 1);
}

#[tokio::test]
async fn a_telegram_without_an_end_mark_is_closed_by_the_pause_after_it() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    let telegram = without_crc(7);
    cable.write_all(telegram.strip_suffix(b"!\r\n").unwrap()).await.unwrap();
    assert_eq!(import_t1(&meter.reading().await), "7.001");
    meter.stop().await;
}

#[tokio::test]
async fn a_cable_that_comes_back_under_its_name_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("usb-P1-if00-port0");
    let telegrams = telegrams(6);
    let mut cable = Pty::open().unwrap();
    symlink(cable.path(), &name).unwrap();
    let mut meter = Meter::read(serial(&name));
    for round in 0..3 {
        for telegram in &telegrams[round * 2..round * 2 + 2] {
            cable.write_all(telegram).await.unwrap();
        }
        assert!(meter.link().await, "round {round}");
        assert_eq!(raw(&meter.reading().await), telegrams[round * 2]);
        assert_eq!(raw(&meter.reading().await), telegrams[round * 2 + 1]);
        if round < 2 {
            std::fs::remove_file(&name).unwrap();
            drop(cable);
            assert!(!meter.link().await, "round {round}");
            cable = Pty::open().unwrap();
            symlink(cable.path(), &name).unwrap();
        }
    }
    let counters = meter.stop().await;
    assert_eq!(counters.opens.get(), 3);
    assert!(counters.open_failures.get() >= 2);
}

#[tokio::test]
async fn a_port_in_use_is_left_alone_and_its_holder_named() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    let telegrams = telegrams(2);
    cable.write_all(&telegrams[0]).await.unwrap();
    assert_eq!(raw(&meter.reading().await), telegrams[0]);
    let heard = probe(cable.path(), Duration::from_secs(1)).await;
    assert!(matches!(&heard, Heard::Failed(error) if error.contains("in use by dsmrd itself")), "{heard}");
    cable.write_all(&telegrams[1]).await.unwrap();
    assert_eq!(raw(&meter.reading().await), telegrams[1]);
    assert_eq!(meter.stop().await.opens.get(), 1);
}

/// Whether the kernel would refuse the terminal to others.
fn is_exclusive(path: &Path) -> bool {
    let terminal = std::fs::File::open(path).expect("it opens");
    let mut exclusive: libc::c_int = 0;
    // SAFETY: TIOCGEXCL writes one int.
    let result = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGEXCL, &mut exclusive) };
    assert_eq!(result, 0);
    exclusive != 0
}

#[tokio::test]
async fn a_port_is_ours_while_it_is_open_and_anyones_after() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    cable.write_all(&telegrams(1)[0]).await.unwrap();
    meter.reading().await;
    // Root passes TIOCEXCL; anyone else could not even look, and that is the proof.
    if let Ok(terminal) = std::fs::File::open(cable.path()) {
        drop(terminal);
        assert!(is_exclusive(cable.path()));
    }
    meter.stop().await;
    // The feeder still holds its end, so that the kernel would have kept the mark.
    assert!(!is_exclusive(cable.path()));
}

#[tokio::test]
async fn a_port_that_was_closed_is_free_although_a_child_has_it_for_a_moment() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    cable.write_all(&telegrams(1)[0]).await.unwrap();
    meter.reading().await;
    let inherited = crate::support::duplicates(cable.path());
    meter.stop().await;
    let heard = probe(cable.path(), Duration::from_millis(10)).await;
    assert!(inherited.len() > 1 && matches!(heard, Heard::Silence), "{heard}");
}

#[tokio::test]
async fn what_is_no_port_says_so() {
    let listen = |path: &'static str| probe(Path::new(path), Duration::from_secs(1));
    let missing = listen("/dev/ttyNotThere").await.to_string();
    assert!(
        missing.contains("/dev/ttyNotThere: no such device") && missing.contains("dsmrd ports"),
        "{missing}"
    );
    let null = listen("/dev/null").await.to_string();
    assert!(null.contains("not a serial port"), "{null}");
    let file = listen("/etc/passwd").await.to_string();
    assert!(file.contains("not a serial port") && file.contains("file:///etc/passwd"), "{file}");
}

#[tokio::test]
async fn parity_bits_are_taken_off_and_text_above_ascii_is_kept() {
    let telegrams = telegrams(4);
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(dsmrd::source::SourceSettings { line: Line::Auto, ..serial(cable.path()) });
    for telegram in &telegrams {
        let before = meter.counters.bytes.get();
        cable.write_all(&with_parity(telegram)).await.unwrap();
        // A cable is slower than a pseudo-terminal: the first telegram is lost in finding out, no more.
        let taken = || meter.counters.bytes.get() == before + telegram.len() as u64;
        crate::support::until(super::PATIENCE, "it is taken", taken).await;
    }
    let first = meter.reading().await;
    let place = telegrams.iter().position(|telegram| telegram == raw(&first)).unwrap();
    assert!(place <= 1, "telegram {place} was the first");
    for telegram in &telegrams[place + 1..] {
        assert_eq!(raw(&meter.reading().await), telegram);
    }
    meter.stop().await;

    let mut text = dsmrd::p1::write::TelegramWriter::new(b"AUX5");
    text.line(b"1-0:1.8.1(00000.001*kWh)").line(&[b"0-0:96.13.0(".as_slice(), &[0xFF; 1_024], b")"].concat());
    let text = text.finish();
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    cable.write_all(&text).await.unwrap();
    assert_eq!(raw(&meter.reading().await), text);
    meter.stop().await;
}

#[tokio::test]
async fn a_line_of_seven_bits_is_masked() {
    let cable = Pty::open().unwrap();
    let line = Line::Fixed(LineSettings::M9600_7E1);
    let mut meter = Meter::read(dsmrd::source::SourceSettings { line, ..serial(cable.path()) });
    cable.write_all(&with_parity(&without_crc(12))).await.unwrap();
    assert_eq!(import_t1(&meter.reading().await), "12.001");
    meter.stop().await;
}

#[tokio::test]
async fn automatic_lines_move_on_from_garbage() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(dsmrd::source::SourceSettings { line: Line::Auto, ..serial(cable.path()) });
    let garbage: Vec<u8> = (0..400u32).map(|n| (n * 37 % 251) as u8 | 0x80).collect();
    // Each burst moves the reader to the next setting; a pseudo-terminal takes them all.
    while meter.counters.opens.get() < 3 {
        cable.write_all(&garbage).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let telegram = &telegrams(1)[0];
    while meter.counters.delivered.get() == 0 {
        cable.write_all(telegram).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(raw(&meter.reading().await), telegram);
    meter.stop().await;
}

#[tokio::test]
async fn a_probe_finds_the_meter_and_its_setting() {
    let cable = Pty::open().unwrap();
    let path = cable.path().to_owned();
    let listening = tokio::spawn(async move { probe(&path, Duration::from_secs(20)).await });
    let telegram = &telegrams(1)[0];
    while !listening.is_finished() {
        cable.offer(telegram).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    match listening.await.unwrap() {
        Heard::Telegram { line, identification, verified } => {
            assert_eq!((line, verified), (LineSettings::M115200_8N1, true));
            assert!(identification.starts_with("/DSM5"), "{identification}");
        }
        other => panic!("{other}"),
    }
    let silent = Pty::open().unwrap();
    assert!(matches!(probe(silent.path(), Duration::from_millis(50)).await, Heard::Silence));
}

#[tokio::test]
async fn a_cable_without_a_reader_never_blocks_and_keeps_no_old_telegrams() {
    let cable = Pty::open().unwrap();
    let telegrams = telegrams(20);
    for (number, telegram) in telegrams.iter().enumerate() {
        assert_eq!(cable.offer(telegram).unwrap(), number > 0, "the one before is thrown away");
        // The kernel hands it to the other side in its own time.
        while cable.unread().unwrap() < telegram.len() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut meter = Meter::read(serial(cable.path()));
    assert_eq!(raw(&meter.reading().await), telegrams[19]);
    meter.stop().await;
}

#[tokio::test]
async fn a_recording_is_read_and_then_nothing_more_comes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), telegrams(100).concat()).unwrap();
    let mut meter = Meter::read(settings(SourceUrl::File(file.path().to_owned())));
    for _ in 0..100 {
        meter.reading().await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!meter.task.is_finished(), "it stays until it is told to stop");
    assert_eq!(meter.stop().await.opens.get(), 1);
}

#[tokio::test]
async fn a_named_pipe_is_read_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("meter");
    let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
    // SAFETY: the name is a terminated string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let silence = Duration::from_millis(500);
    let settings = dsmrd::source::SourceSettings { silence, ..settings(SourceUrl::File(pipe.clone())) };
    let mut meter = Meter::read(settings);
    for (place, telegram) in telegrams(2).into_iter().enumerate() {
        // What is written before the end of the writer before was noticed goes down with its pipe.
        crate::support::until(super::PATIENCE, "it waits for a writer", || {
            meter.counters.opens.get() > place as u64
        })
        .await;
        let (written, pipe) = (telegram.clone(), pipe.clone());
        let (sender, end) = std::sync::mpsc::channel::<()>();
        let writing = tokio::task::spawn_blocking(move || {
            let mut writer = std::fs::OpenOptions::new().write(true).open(pipe).unwrap();
            std::io::Write::write_all(&mut writer, &written).unwrap();
            end.recv()
        });
        assert!(meter.link().await);
        assert_eq!(raw(&meter.reading().await), telegram);
        // Its silence is told; but opening it anew would bring nothing back.
        assert!(!meter.link().await);
        sender.send(()).unwrap();
        writing.await.unwrap().unwrap();
    }
    let counters = meter.stop().await;
    assert!(counters.silences.get() >= 2, "{}", counters.silences.get());
    assert!((1..=3).contains(&counters.opens.get()), "{}", counters.opens.get());
}

#[tokio::test]
async fn ports_that_are_closed_leave_nothing_open() {
    let cable = Pty::open().unwrap();
    let (mut silences, mut tries) = (0, 0);
    while silences < 200 {
        tries += 1;
        match probe(cable.path(), Duration::from_micros(10)).await {
            Heard::Silence => silences += 1,
            // A process that a neighbour starts has all that is open here until it becomes another program.
            Heard::Failed(error) if error.contains("in use") && tries < 20_000 => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            other => panic!("{other}"),
        }
    }
    let open = std::fs::read_dir("/proc/self/fd").unwrap().filter(|entry| {
        let target = entry.as_ref().map(|entry| entry.path().read_link());
        target.is_ok_and(|target| target.is_ok_and(|target| target == cable.path()))
    });
    assert_eq!(open.count(), 1, "the cable's own end");
}

#[tokio::test]
async fn the_simulated_meter_speaks_every_second() {
    let mut meter = Meter::read(settings(SourceUrl::Simulate { seed: 5 }));
    // It makes up for a short delay and jumps over a long one; once nothing stands still any more its seconds follow one
    // another, and its clock is the machine's.
    let mut last = meter.reading().await;
    for tries in 1.. {
        let next = meter.reading().await;
        let (apart, late) =
            (next.utc_seconds() - last.utc_seconds(), next.received_at / 1_000 - next.utc_seconds());
        assert!(apart > 0 && late >= -2, "{apart} s after the last, received {late} s after its time");
        if apart == 1 && late <= 2 {
            break;
        }
        assert!(tries < 120, "{apart} s after the last, received {late} s after its time");
        last = next;
    }
    meter.stop().await;
}
