//! Meters of every pace: none is called silent that is not, and none that is goes unnoticed.

use super::*;

/// How long the reader took to tell that a meter is silent, in whole seconds, when it sends `count` telegrams
/// `interval` seconds apart and dies.
async fn told_after(interval: u64, count: u64) -> u64 {
    let mut rig = Rig::start(serial(Line::Auto));
    for number in 0..count {
        rig.pass(Duration::from_secs(interval)).await;
        rig.cable.send(&telegram(number * interval));
    }
    let dead = Instant::now();
    loop {
        let delivery = rig.deliveries.recv().await.unwrap();
        if matches!(delivery, Delivery::Link(false)) {
            break;
        }
    }
    let seconds = dead.elapsed().as_secs();
    rig.end().await;
    seconds
}

#[tokio::test(start_paused = true)]
async fn a_dead_meter_is_told_after_twenty_seconds_or_three_intervals() {
    assert_eq!(told_after(1, 100).await, 20);
    assert_eq!(told_after(5, 100).await, 20);
    assert_eq!(told_after(10, 100).await, 30);
    assert_eq!(told_after(60, 100).await, 180);
    // With two telegrams its pace is known; with one it may be a slow one; with none it is told sooner.
    assert_eq!(told_after(1, 2).await, 20);
    assert_eq!(told_after(60, 2).await, 180);
    assert_eq!(told_after(1, 1).await, 180);
    assert_eq!(told_after(1, 0).await, 80);
}

#[tokio::test(start_paused = true)]
async fn no_living_meter_is_called_silent() {
    for interval in [1, 5, 10, 60] {
        let log = Log::default();
        let _guard = log.listen();
        let mut rig = Rig::start(serial(Line::Auto));
        rig.pass(Duration::from_millis(1)).await;
        // It may have begun just before the reader did.
        rig.cable.send(&telegram(0)[100..]);
        for number in 1..=3_600 / interval {
            rig.pass(Duration::from_secs(interval)).await;
            rig.cable.send(&telegram(number * interval));
        }
        rig.pass(Duration::from_millis(10)).await;
        let (readings, late, links) = rig.delivered();
        assert_eq!((readings.len() as u64, late.len(), links), (3_600 / interval, 0, vec![true]));
        let counters = rig.end().await;
        assert_eq!((counters.opens.get(), counters.silences.get()), (1, 0), "every {interval} s");
        assert_eq!((log.count("WARN"), log.count("the meter speaks")), (0, 1), "{}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_port_fills_no_log() {
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(serial(Line::Auto));
    rig.pass(Duration::from_secs(86_400)).await;
    assert_eq!(rig.delivered().2, [false]);
    assert_eq!(log.count("nothing comes at all"), 1);
    assert!(log.text().lines().count() <= 3, "{}", log.text());
    // The meter is read as soon as it speaks, at the setting that was never refuted.
    rig.cable.send(&telegram(0));
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(rig.delivered().0.len(), 1);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_meter_behind_the_port_starts_anew() {
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(serial(Line::Auto));
    for number in 0..30 {
        rig.pass(Duration::from_secs(10)).await;
        rig.cable.send(&telegram(number * 10));
    }
    // The new one sends once a minute.
    for number in 5..15 {
        rig.pass(Duration::from_secs(60)).await;
        rig.cable.send(&telegram_of("4530303434303038", number * 60));
    }
    rig.pass(Duration::from_millis(10)).await;
    let (readings, _, links) = rig.delivered();
    assert_eq!(readings.len(), 40);
    // Only until it was there it was taken for the old one, whose silence it was.
    assert_eq!(links, [true, false, true]);
    assert_eq!(log.count("another meter is behind the port"), 1, "{}", log.text());
    assert!(log.text().contains("E0044008"), "{}", log.text());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_server_kept_back_is_for_the_record_alone() {
    let url = SourceUrl::Tcp { host: "meter.example.net".into(), port: 2_000 };
    let mut rig = Rig::start(SourceSettings { url, ..serial(Line::Auto) });
    rig.pass(Duration::from_millis(1)).await;
    // An hour of telegrams at once, in pieces, and one without a time of its own.
    let mut kept: Vec<u8> = (0..360).flat_map(|number| telegram(number * 10)).collect();
    kept.splice(0..0, without_crc(1));
    rig.cable.send_in_pieces(&kept);
    rig.pass(Duration::from_secs(1)).await;
    let (readings, late, links) = rig.delivered();
    assert_eq!((readings.len(), late.len(), links), (1, 359, vec![true]));
    assert_eq!(readings[0].raw.as_deref(), Some(&telegram(3_590)[..]), "the newest is live");
    // From then on telegrams are live, however close they follow.
    rig.cable.send(&[telegram(3_600), telegram(3_601)].concat());
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!((rig.delivered().0.len(), rig.counters.rejected_stale.get()), (2, 1));
    assert_eq!(rig.end().await.late.get(), 359);
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_back_casts_no_doubt_on_the_meters_clock() {
    let log = Log::default();
    let _guard = log.listen();
    for clock_tolerance in [None, Some(Duration::from_secs(60))] {
        let url = SourceUrl::Tcp { host: "meter.example.net".into(), port: 2_000 };
        let mut rig = Rig::start(SourceSettings { url, clock_tolerance, ..serial(Line::Auto) });
        rig.pass(Duration::from_millis(1)).await;
        rig.clock.advance(3_595_000);
        rig.cable.send_in_pieces(&(0..360).flat_map(|number| telegram(number * 10)).collect::<Vec<u8>>());
        rig.pass(Duration::from_secs(1)).await;
        let (readings, late, _) = rig.delivered();
        let instants: Vec<_> =
            late.iter().chain(&readings).map(|reading| reading.time.unwrap().utc).collect();
        let expected: Vec<_> = (0..360).map(|number| Some(NOON / 1_000 + number * 10)).collect();
        assert_eq!((readings.len(), instants), (1, expected), "{clock_tolerance:?}");
        assert_eq!((log.count("WARN"), rig.end().await.rejected_stale.get()), (0, 0), "{}", log.text());
    }
    // What is live and this far off is in doubt as ever, and told so.
    let clock_tolerance = Some(Duration::from_secs(60));
    let url = SourceUrl::Tcp { host: "meter.example.net".into(), port: 2_000 };
    let mut rig = Rig::start(SourceSettings { url, clock_tolerance, ..serial(Line::Auto) });
    rig.pass(Duration::from_millis(1)).await;
    rig.clock.advance(3_595_000);
    rig.cable.send_in_pieces(&[telegram(0), telegram(1)].concat());
    rig.pass(Duration::from_secs(1)).await;
    let (readings, late, _) = rig.delivered();
    assert_eq!((readings[0].time.unwrap().utc, late[0].time.unwrap().utc), (None, Some(NOON / 1_000)));
    assert_eq!(log.count("the meter's clock is doubted"), 1, "{}", log.text());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_given_up_after_the_silence() {
    let url = SourceUrl::Tcp { host: "meter.example.net".into(), port: 2_000 };
    let log = Log::default();
    let _guard = log.listen();
    let mut rig = Rig::start(SourceSettings { url, ..serial(Line::Auto) });
    for number in 0..60 {
        rig.pass(Duration::from_secs(1)).await;
        rig.cable.send(&telegram(number));
    }
    // A day of nothing: each connection is tried for twenty seconds.
    rig.pass(Duration::from_secs(86_400)).await;
    let opens = rig.counters.opens.get();
    assert!((4_300..=4_321).contains(&opens), "{opens}");
    assert_eq!(rig.delivered().2, [true, false]);
    assert!(log.text().lines().count() <= 4, "{}", log.text());
    rig.cable.send(&telegram(3_600));
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(rig.delivered().2, [true]);
    assert_eq!(log.count("telegrams come in again"), 1);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_always_hangs_up_is_silent_too() {
    let mut rig = Rig::start(serial(Line::Fixed(LineSettings::M115200_8N1)));
    for number in 0..2 {
        rig.pass(Duration::from_secs(1)).await;
        rig.cable.send(&telegram(number));
    }
    for _ in 0..100 {
        rig.pass(Duration::from_secs(1)).await;
        rig.cable.hang_up();
    }
    assert_eq!(rig.delivered().2, [true, false]);
    rig.end().await;
}
