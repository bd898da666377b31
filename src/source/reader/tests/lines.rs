//! Line settings found alone, by meters of every pace, encrypted or not.

use super::*;
use crate::p1::cipher::{Envelope, Key, Keys, seal};

/// What a receiver set to `ours` makes of text sent at `sent`.
fn heard(text: &[u8], sent: LineSettings, ours: LineSettings, noise: &mut Noise) -> Vec<u8> {
    if ours == sent {
        return text.to_vec();
    }
    if ours.baud < sent.baud {
        // Some of the bits of some of the characters.
        return noise.bytes(text.len() / 12);
    }
    if ours.baud > sent.baud {
        // Each edge begins a character, and each character is made of one or two levels.
        let level = |byte: u8| [0x00, 0x80, 0xE0, 0xFE][usize::from(byte % 4)];
        return noise.bytes(text.len() * 2).into_iter().map(level).collect();
    }
    match (sent.data_bits, ours.data_bits, ours.parity) {
        // Seven bits and parity are eight bits to whoever asks for no parity.
        (7, 8, Parity::None) => with_parity(text),
        // The eighth bit is taken for parity; where it is wrong the driver gives NUL.
        (8, 7, _) if sent.parity == Parity::None => {
            text.iter().map(|&byte| if byte.count_ones() % 2 == 0 { byte } else { 0 }).collect()
        }
        // A parity bit that nobody expects, or one that is missing, breaks about half of the characters.
        _ => {
            let broken = noise.bytes(text.len());
            text.iter().zip(broken).filter_map(|(&byte, broken)| (broken > 0x80).then_some(byte)).collect()
        }
    }
}

/// Runs a meter of `sent` every `interval` seconds; how many seconds pass until two readings came.
async fn found_after(sent: LineSettings, interval: u64, of: impl Fn(u64) -> Vec<u8>) -> u64 {
    let mut rig = Rig::start(serial(Line::Auto));
    let mut noise = Noise(0x2545_F491_4F6C_DD1D);
    let start = Instant::now();
    rig.pass(Duration::from_millis(100)).await;
    for number in 0.. {
        let text = of(number);
        // The first is half over when the reader comes.
        let text = if number == 0 { &text[text.len() / 2..] } else { &text[..] };
        rig.cable.send_by(|line| heard(text, sent, line, &mut noise));
        rig.pass(Duration::from_secs(interval)).await;
        if rig.counters.delivered.get() >= 2 {
            break;
        }
        assert!(number < 200, "{sent:?} every {interval} s is not found");
    }
    let seconds = start.elapsed().as_secs();
    // It is found for good.
    let opens = rig.counters.opens.get();
    for number in 200..300 {
        rig.cable.send_by(|line| heard(&of(number), sent, line, &mut noise));
        rig.pass(Duration::from_secs(interval)).await;
    }
    assert_eq!(rig.counters.opens.get(), opens, "{sent:?} every {interval} s");
    assert!(rig.delivered().0.len() >= 102);
    rig.end().await;
    seconds
}

#[tokio::test(start_paused = true)]
async fn each_setting_is_found_at_each_pace() {
    for (sent, clocked, telegrams) in [
        (LineSettings::M115200_8N1, true, 4),
        (LineSettings::M9600_7E1, false, 6),
        (LineSettings::M115200_7E1, true, 6),
        (LineSettings::M115200_8E1, true, 16),
    ] {
        for interval in [1, 5, 10, 60] {
            let of = |number: u64| if clocked { telegram(number) } else { without_crc(number) };
            let seconds = found_after(sent, interval, of).await;
            assert!(seconds <= telegrams * interval + 12, "{sent:?} every {interval} s took {seconds} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn encrypted_telegrams_without_a_key_prove_the_line_and_say_what_is_missing() {
    let log = Log::default();
    let _guard = log.listen();
    let keys = Keys::new(Key::new(*b"0123456789abcdef"));
    let mut rig = Rig::start(serial(Line::Auto));
    rig.pass(Duration::from_millis(100)).await;
    for number in 0..360u32 {
        let frame = seal(&telegram(number.into()), &Envelope::new(*b"SAG5\x01\x02\x03\x04", number), &keys);
        // The first is half over when the reader comes.
        let from = if number == 0 { 200 } else { 0 };
        rig.cable.send(&frame[from..]);
        rig.pass(Duration::from_secs(10)).await;
    }
    let counters = Arc::clone(&rig.counters);
    assert_eq!((counters.delivered.get(), counters.rejected_key.get()), (0, 359));
    assert_eq!(log.count("found the line setting"), 1, "{}", log.text());
    assert!(log.text().contains("115200 8N1"), "{}", log.text());
    let told = log.count("no key is given: set `key` or `key_file`");
    assert!(told >= log.count("WARN") - 1, "{}", log.text());
    assert!(log.count("WARN") <= 10, "{}", log.text());
    assert_eq!(rig.delivered().2, [false]);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn keys_are_told_to_be_wrong_in_words_and_never_shown() {
    let right = Keys::new(Key::new(*b"0123456789abcdef"));
    let other = Keys::new(Key::new(*b"fedcba9876543210"));
    let foreign_tag = Keys { auth_key: Key::new([7; 16]), ..right.clone() };
    for (ours, told) in [
        (other, "the key is wrong: nothing readable comes out"),
        (foreign_tag, "the authentication key is wrong"),
    ] {
        let log = Log::default();
        let _guard = log.listen();
        let mut rig = Rig::start(SourceSettings { keys: Some(ours), ..serial(Line::Auto) });
        rig.pass(Duration::from_millis(300)).await;
        for number in 0..360u32 {
            rig.cable.send(&seal(&telegram(number.into()), &Envelope::new(*b"SAG50001", number), &right));
            rig.pass(Duration::from_secs(10)).await;
            // It is told at the first telegram.
            assert!(log.text().contains(told), "{}", log.text());
        }
        assert!(log.count("WARN") <= 8, "{}", log.text());
        assert_eq!(rig.delivered().2, [false]);
        for shown in ["0123456789abcdef", "30313233", "fedcba98", "66656463", "48, 49, 50"] {
            assert!(!log.text().contains(shown), "{}", log.text());
        }
        assert_eq!(rig.end().await.rejected_key.get(), 360);
    }
}

#[tokio::test(start_paused = true)]
async fn encrypted_telegrams_are_read_with_their_frame_and_replays_are_told() {
    let log = Log::default();
    let _guard = log.listen();
    let keys = Keys::new(Key::new(*b"0123456789abcdef"));
    let mut rig = Rig::start(SourceSettings { keys: Some(keys.clone()), ..serial(Line::Auto) });
    rig.pass(Duration::from_millis(300)).await;
    let frame = |counter: u32| seal(&telegram(counter.into()), &Envelope::new(*b"SAG50001", counter), &keys);
    for counter in 10..20 {
        rig.cable.send(&frame(counter));
        rig.pass(Duration::from_secs(10)).await;
    }
    let (readings, ..) = rig.delivered();
    assert_eq!(readings.len(), 10);
    assert_eq!(readings[3].raw.as_deref(), Some(&telegram(13)[..]));
    assert_eq!(readings[3].wire.as_deref(), Some(&frame(13)[..]));
    assert_eq!((log.count("WARN"), log.count("encrypted=\"yes\"")), (0, 1), "{}", log.text());
    // The port is closed and opened: what was seen before it still counts.
    rig.cable.hang_up();
    rig.pass(Duration::from_secs(5)).await;
    for _ in 0..30 {
        rig.cable.send(&frame(12));
        rig.pass(Duration::from_secs(10)).await;
    }
    assert_eq!(rig.counters.counter_not_rising.get(), 30);
    let told = log.count("frame counter of encrypted telegrams does not rise");
    assert!((1..=6).contains(&told), "{}", log.text());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_meters_in_one_process_know_nothing_of_each_other() {
    let mut one = Rig::start(serial(Line::Auto));
    let mut other = Rig::start(serial(Line::Auto));
    let mut noise = Noise(7);
    one.pass(Duration::from_millis(300)).await;
    for number in 0..600 {
        one.cable.send(&telegram(number));
        if number % 60 == 0 {
            let text = without_crc(number);
            other.cable.send_by(|line| heard(&text, LineSettings::M9600_7E1, line, &mut noise));
        }
        one.pass(Duration::from_secs(1)).await;
    }
    let (first, second) = (one.delivered(), other.delivered());
    assert_eq!(first.0.len(), 600);
    assert!(second.0.len() >= 7, "{}", second.0.len());
    assert!(first.0.iter().all(|reading| reading.equipment_id().is_some()));
    assert!(second.0.iter().all(|reading| reading.equipment_id().is_none()));
    assert_eq!(one.end().await.opens.get(), 1);
    other.end().await;
}
