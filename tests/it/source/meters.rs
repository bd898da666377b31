//! Several meters in one process, meters that are swapped, encrypted or speak something else.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::{Meter, import_t1, raw, serial, settings, telegrams, with_parity, without_crc};
use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::Country;
use dsmrd::p1::cipher::{Envelope, Key, Keys, seal};
use dsmrd::p1::foreign::Protocol;
use dsmrd::p1::write::TelegramWriter;
use dsmrd::source::fanout::Fanout;
use dsmrd::source::probe::{Heard, probe};
use dsmrd::source::pty::Pty;
use dsmrd::source::{Delivery, Line, LineSettings, SourceSettings, SourceUrl, run};
use dsmrd::telemetry::MeterCounters;

const KEYS: Keys = Keys::new(Key::new(*b"sixteen letters!"));

fn sealed(telegram: &[u8], counter: u32) -> Vec<u8> {
    seal(telegram, &Envelope::new(*b"SAG5\x00\x01\x02\x03", counter), &KEYS)
}

#[tokio::test]
async fn two_ports_and_a_server_are_read_side_by_side() {
    let (dutch, old) = (Pty::open().unwrap(), Pty::open().unwrap());
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let url = SourceUrl::Tcp { host: "127.0.0.1".into(), port: server.address().port() };
    let austrian = SourceSettings { keys: Some(KEYS), country: Some(Country::Austria), ..settings(url) };
    let line = Line::Fixed(LineSettings::M9600_7E1);
    let mut meters = [
        Meter::read(serial(dutch.path())),
        Meter::read(SourceSettings { line, ..serial(old.path()) }),
        Meter::read(austrian),
    ];
    while server.counters().connects.get() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let telegrams = telegrams(3);
    for (number, telegram) in telegrams.iter().enumerate() {
        dutch.write_all(telegram).await.unwrap();
        old.write_all(&with_parity(&without_crc(number as u32))).await.unwrap();
        server.send(&sealed(telegram, number as u32 + 1));
        let [first, second, third] = &mut meters;
        let (first, second, third) = (first.reading().await, second.reading().await, third.reading().await);
        assert_eq!((raw(&first), first.wire.as_deref()), (&telegram[..], None));
        assert_eq!(import_t1(&second), format!("{number}.001"));
        assert_eq!(raw(&third), telegram);
        assert_eq!(third.wire.as_deref(), Some(&sealed(telegram, number as u32 + 1)[..]));
        assert_eq!(third.country, Some(Country::Austria));
        assert!(second.time.is_none() && first.time.is_some());
    }
    for meter in meters {
        let counters = meter.stop().await;
        assert_eq!((counters.delivered.get(), counters.rejected(), counters.opens.get()), (3, 0, 1));
    }
}

#[tokio::test]
async fn a_meter_that_dies_takes_no_other_with_it() {
    let (one, other) = (Pty::open().unwrap(), Pty::open().unwrap());
    let mut living = Meter::read(serial(one.path()));
    let mut dying = Meter::read(serial(other.path()));
    let telegrams = telegrams(20);
    other.write_all(&telegrams[0]).await.unwrap();
    dying.reading().await;
    drop(other);
    assert!(!dying.link().await);
    for telegram in &telegrams {
        one.write_all(telegram).await.unwrap();
        assert_eq!(raw(&living.reading().await), telegram);
    }
    dying.stop().await;
    assert_eq!(living.stop().await.opens.get(), 1);
}

#[tokio::test]
async fn a_meter_swapped_behind_the_port_is_read_on() {
    let cable = Pty::open().unwrap();
    let mut meter = Meter::read(serial(cable.path()));
    for (id, import) in [("4530303031", "009000.000"), ("4530303032", "000000.001")] {
        let mut telegram = TelegramWriter::new(b"ISK5\\2M550T-1012");
        telegram.line(format!("0-0:96.1.1({id})").as_bytes());
        telegram.line(format!("1-0:1.8.1({import}*kWh)").as_bytes());
        let telegram = telegram.finish();
        for _ in 0..3 {
            cable.write_all(&telegram).await.unwrap();
            let reading = meter.reading().await;
            assert_eq!(raw(&reading), telegram);
            assert_eq!(reading.equipment_id().is_some_and(|id| id.ends_with('2')), import.ends_with('1'));
        }
    }
    assert_eq!(meter.stop().await.delivered.get(), 6);
}

#[tokio::test]
async fn what_a_server_kept_back_is_late_and_only_the_newest_is_live() {
    let telegrams = telegrams(200);
    for tries in 1.. {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut meter = Meter::read(settings(SourceUrl::Tcp { host: "127.0.0.1".into(), port }));
        let (mut client, _) = listener.accept().await.unwrap();
        client.write_all(&telegrams.concat()).await.unwrap();
        let mut live = 0;
        for telegram in &telegrams {
            let delivery = loop {
                match meter.next().await {
                    Delivery::Link(up) => assert!(up),
                    other => break other,
                }
            };
            let (Delivery::Late(reading) | Delivery::Reading(reading)) = &delivery else { unreachable!() };
            assert_eq!(raw(reading), telegram);
            live += u64::from(matches!(delivery, Delivery::Reading(_)));
            assert!(live > 0 || !std::ptr::eq(telegram, &telegrams[199]), "the newest is live");
        }
        client.write_all(&telegrams[0]).await.unwrap();
        assert!(matches!(meter.next().await, Delivery::Reading(_)), "from now on all is live");
        let counters = meter.stop().await;
        assert_eq!((counters.delivered.get(), counters.late.get()), (201, 200 - live));
        // A pause while all of it is handed over is none of a server that kept it back: then another time.
        if live == 1 {
            break;
        }
        assert!(tries < 100, "{live} were live");
    }
}

#[tokio::test]
async fn only_a_pause_of_the_server_is_one_and_none_of_our_own() {
    let telegrams = telegrams(20);
    for tries in 1.. {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, mut deliveries) = tokio::sync::mpsc::unbounded_channel();
        let deliver = move |delivery| {
            if matches!(delivery, Delivery::Late(_)) {
                // The process stands still while more lies there to be read.
                std::thread::sleep(Duration::from_millis(60));
            }
            let _ = sender.send(delivery);
        };
        let stop = tokio_util::sync::CancellationToken::new();
        let settings = settings(SourceUrl::Tcp { host: "127.0.0.1".into(), port });
        let (home, clock) = (MeterId { name: "home".into() }, Clock::system());
        let reading =
            tokio::spawn(run(home, settings, clock, Arc::<MeterCounters>::default(), deliver, stop.clone()));
        let (mut client, _) = listener.accept().await.unwrap();
        client.write_all(&telegrams.concat()).await.unwrap();
        let (mut late, mut live) = (0, 0);
        while late + live < telegrams.len() {
            match tokio::time::timeout(super::PATIENCE, deliveries.recv()).await.unwrap().unwrap() {
                Delivery::Late(_) => late += 1,
                Delivery::Reading(_) => live += 1,
                Delivery::Link(_) => {}
            }
        }
        stop.cancel();
        reading.await.unwrap();
        if live == 1 {
            break;
        }
        assert!(tries < 20, "{live} were live");
    }
}

#[tokio::test]
async fn an_encrypted_meter_is_opened_by_its_key_alone() {
    let telegrams = telegrams(2);
    for (keys, opened) in [(Some(KEYS), true), (None, false), (Some(Keys::new(Key::new([1; 16]))), false)] {
        let cable = Pty::open().unwrap();
        let line = Line::Auto;
        let mut meter = Meter::read(SourceSettings { keys, line, ..serial(cable.path()) });
        cable.write_all(&sealed(&telegrams[0], 7)).await.unwrap();
        if opened {
            assert_eq!(raw(&meter.reading().await), telegrams[0]);
        }
        crate::support::until(super::PATIENCE, "a frame is seen", || meter.counters.frames.get() == 1).await;
        let counters = meter.stop().await;
        assert_eq!(
            (counters.delivered.get(), counters.rejected_key.get()),
            (opened.into(), (!opened).into())
        );
        assert_eq!(counters.noise_bytes.get(), 0);
    }
}

/// What a probe hears of a cable that says `what` again and again.
async fn heard(what: &[u8], each: Duration) -> Heard {
    let cable = Pty::open().expect("a pseudo-terminal");
    let path = cable.path().to_owned();
    let listening = tokio::spawn(async move { probe(&path, each).await });
    while !listening.is_finished() {
        cable.offer(what).expect("it is open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    listening.await.expect("it does not panic")
}

/// What it hears when it listens long enough for this machine; it has to listen at all settings.
async fn heard_as(what: &[u8], expected: impl Fn(&Heard) -> bool) -> Heard {
    let mut each = Duration::from_millis(300);
    loop {
        let heard = heard(what, each).await;
        if expected(&heard) || each > Duration::from_secs(8) {
            return heard;
        }
        each *= 2;
    }
}

#[tokio::test]
async fn a_probe_names_encrypted_meters_and_other_protocols() {
    let encrypted = heard(&sealed(&telegrams(1)[0], 1), super::PATIENCE).await;
    assert!(matches!(&encrypted, Heard::Encrypted { line: LineSettings::M115200_8N1, .. }), "{encrypted}");
    assert!(encrypted.is_p1() && encrypted.to_string().contains("SAG5"), "{encrypted}");

    let body = [0x53, 0xFF, 0, 1, 0x67, 0xDB, 8];
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let frame = [&[0x68, 7, 7, 0x68][..], &body, &[sum, 0x16]].concat();
    let mbus = heard_as(&frame, |heard| matches!(heard, Heard::Foreign { .. })).await;
    assert!(matches!(&mbus, Heard::Foreign { protocol: Protocol::Mbus, .. }), "{mbus}");
    assert!(!mbus.is_p1() && mbus.to_string().contains("M-Bus"), "{mbus}");

    // What a cable that does not invert makes of text.
    let upside_down: Vec<u8> = telegrams(1)[0].iter().map(|byte| !byte << 1 | 1).collect();
    let inverted = heard_as(&upside_down, |heard| matches!(heard, Heard::Inverted)).await;
    assert!(matches!(&inverted, Heard::Inverted), "{inverted}");
}

#[tokio::test]
async fn other_protocols_are_counted_and_deliver_nothing() {
    let cable = Pty::open().unwrap();
    let meter = Meter::read(SourceSettings { line: Line::Auto, ..serial(cable.path()) });
    let body = [0x53, 0xFF, 0, 1, 0x67, 0xDB, 8];
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let frame = [&[0x68, 7, 7, 0x68][..], &body, &[sum, 0x16]].concat();
    for _ in 0..100 {
        cable.write_all(&frame).await.unwrap();
    }
    let counters = std::sync::Arc::clone(&meter.counters);
    let all = || counters.bytes.get() == 100 * frame.len() as u64;
    crate::support::until(super::PATIENCE, "all is read", all).await;
    let counters = meter.stop().await;
    assert!(counters.foreign.get() > 0 && counters.frames.get() == 0, "{counters:?}");
    assert_eq!(counters.noise_bytes.get(), counters.bytes.get());
}
