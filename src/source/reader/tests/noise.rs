//! Whatever comes around the clock: it is counted, the log stays small, and the next good telegram is read.

use super::*;

/// Long enough for the pauses between two lines of the log to be at their longest, an hour, for hours.
const LONG: u64 = 6 * 3_600;

/// Hours of what `of` makes of each second; then a meter speaks.
async fn hours(line: Line, mut of: impl FnMut(u64) -> Vec<u8>) -> (Log, Arc<MeterCounters>) {
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(serial(line));
    rig.pass(Duration::from_millis(1)).await;
    let (mut told, mut read) = (None, 0);
    for second in 0..LONG {
        let bytes = of(second);
        rig.cable.send(&bytes);
        rig.pass(Duration::from_secs(1)).await;
        let news = log.since(&mut read);
        if news.contains("damaged telegrams") {
            assert!(told.is_none_or(|told| second - told >= 59), "two within a minute: {news}");
            told = Some(second);
        }
    }
    let (readings, ..) = rig.delivered();
    let lines = log.text().lines().count();
    assert!(lines <= 24 && log.text().len() < 32_768, "{lines} lines: {}", log.text());
    assert!(readings.is_empty());
    // One telegram may be lost in what was under way; with `auto` the setting may have to be found again.
    for number in 0..60 {
        rig.cable.send_by(|line| if line.baud == 115_200 { telegram(number) } else { vec![0x80; 40] });
        rig.pass(Duration::from_secs(1)).await;
    }
    let (readings, _, links) = rig.delivered();
    let lost = if line == Line::Auto { 10 } else { 1 };
    assert!(readings.len() >= 60 - lost, "{} of 60", readings.len());
    assert_eq!(links.last(), Some(&true));
    (log, rig.end().await)
}

#[tokio::test(start_paused = true)]
async fn hours_of_random_bytes() {
    // Ten million of them, and again fewer at a setting that is fixed.
    for (line, each) in [(Line::Auto, 464), (Line::Fixed(LineSettings::M115200_8N1), 30)] {
        let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
        let (log, counters) = hours(line, |_| noise.bytes(each)).await;
        assert!(counters.noise_bytes.get() + counters.rejected_bytes.get() > LONG * each as u64 - 20_000);
        assert_eq!(log.count("no telegram came"), 1);
        assert!(log.text().contains("115200 8N1 against 9600 7E1"), "{}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn hours_of_damaged_telegrams() {
    let line = Line::Fixed(LineSettings::M115200_8N1);
    let (log, counters) = hours(line, |second| {
        let mut telegram = telegram(second % 3_600);
        telegram[100] ^= 4;
        telegram
    })
    .await;
    assert_eq!(counters.rejected_crc.get(), LONG);
    assert!(log.text().contains("every telegram is damaged"), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn hours_of_endless_lines_and_cut_telegrams() {
    let line = Line::Fixed(LineSettings::M115200_8N1);
    let (log, counters) = hours(line, |second| match second % 3 {
        0 => telegram(second % 3_600)[..150].to_vec(),
        1 => b"/ISK5\\2M550T-1012\r\n\r\n0-0:96.13.0(".to_vec(),
        _ => vec![b'3'; 600],
    })
    .await;
    assert!(
        counters.rejected_truncated.get() > 125 && counters.rejected_oversize.get() > 250,
        "{counters:?}"
    );
    assert!(log.text().contains("damaged"), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_bad_cable_is_told_once_a_minute_and_costs_what_it_damages() {
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(serial(Line::Auto));
    rig.pass(Duration::from_millis(300)).await;
    for second in 0..3_600 {
        let mut telegram = telegram(second);
        match second % 10 {
            3 => telegram[120] ^= 1,
            // Bytes are lost, and the next telegram follows at once.
            6 => telegram.truncate(200),
            // Telnet negotiates, and the port is padded.
            8 => drop(telegram.splice(0..0, [0xFF, 0xFD, 0x2C, 0, 0, 0xFF])),
            _ => {}
        }
        for piece in telegram.chunks(37) {
            rig.cable.send(piece);
            rig.pass(Duration::from_millis(2)).await;
        }
        rig.pass(Duration::from_millis(960)).await;
    }
    rig.pass(Duration::from_millis(10)).await;
    assert_eq!(rig.delivered().0.len(), 2_880);
    let lines = log.count("damaged telegrams");
    assert!((55..=61).contains(&lines), "{lines}");
    assert!(log.text().contains("loose cable"));
    let counters = rig.end().await;
    assert_eq!((counters.rejected_crc.get(), counters.rejected_truncated.get()), (360, 360));
    assert_eq!((counters.opens.get(), counters.silences.get()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_signal_upside_down_is_told_as_such() {
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(serial(Line::Fixed(LineSettings::M115200_8N1)));
    for second in 0..600 {
        rig.pass(Duration::from_secs(1)).await;
        rig.cable.send(&telegram(second).iter().map(|byte| !byte << 1 | 1).collect::<Vec<u8>>());
    }
    assert!(rig.delivered().0.is_empty());
    assert!(log.text().contains("the signal is upside down"), "{}", log.text());
    assert_eq!(log.count("damaged telegrams"), 0, "there are none: {}", log.text());
    assert!(log.count("WARN") <= 8, "{}", log.text());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_protocol_is_named_with_what_to_do() {
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(serial(Line::Auto));
    for _ in 0..3_600 {
        rig.pass(Duration::from_secs(1)).await;
        // SML: the start of a message, and some of it.
        rig.cable.send(&[&[0x1B; 4][..], &[1; 4], &[0x76, 5, 0, 0x62, 0x11, 0x72].repeat(40)].concat());
    }
    assert!(rig.delivered().0.is_empty());
    assert!(log.text().contains("this is SML (meters of Germany), not P1"), "{}", log.text());
    assert_eq!(log.count("hint=\"this is SML"), log.count("WARN"), "{}", log.text());
    assert!(log.count("WARN") <= 10, "{}", log.text());
    assert!(rig.end().await.foreign.get() >= 3_590);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_is_told_once() {
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(serial(Line::Auto));
    rig.clock.advance(7_200_000);
    for second in 0..600 {
        rig.pass(Duration::from_secs(1)).await;
        rig.cable.send(&telegram(second));
    }
    rig.pass(Duration::from_millis(10)).await;
    assert_eq!(rig.delivered().0.len(), 600);
    assert_eq!(log.count("the meter's clock and ours do not agree"), 1, "{}", log.text());
    assert_eq!(log.count("WARN"), 1);
    rig.end().await;
}
