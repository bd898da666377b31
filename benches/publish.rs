//! What publishing costs: a reading of a three-phase DSMR 5 meter laid out as topics, and its messages
//! through the queue; and the same with Belgium's peaks of thirteen months besides, which must not be made
//! anew for each. `cargo bench --bench publish` prints microseconds a reading.

use std::hint::black_box;
use std::time::Instant;

use dsmrd::meter::{Reading, Zone, read};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::publish::{Context, DedupQueue, Discovery, Layout, LayoutSettings, PayloadFormat, QueueSettings};

const ROUNDS: u32 = 20_000;

/// The peaks of thirteen months, as every telegram of a Belgian meter repeats them.
fn history() -> String {
    let month = |n: u32| format!("(24{n:02}01000000W)(24{n:02}15181500W)(04.7{n:02}*kW)");
    let months: String = (1..=12).chain([12]).map(month).collect();
    format!("0-0:98.1.0(13)(1-0:1.6.0)(1-0:1.6.0){months}\r\n")
}

/// Readings a second apart, of which the powers differ.
fn readings(more: &str) -> Vec<Reading> {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let mut framer = Framer::new(FramerSettings::default());
    let mut readings = Vec::new();
    for second in 0..60 {
        let telegram = format!(
            "/ISK5\\2M550T-1013\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(2611210345{second:02}W)\r\n\
             0-0:96.1.1(4530303533303033373837353534393137)\r\n1-0:1.8.1(061728.3{second:02}*kWh)\r\n\
             1-0:1.8.2(061728.395*kWh)\r\n1-0:2.8.1(000000.000*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n\
             0-0:96.14.0(0002)\r\n1-0:1.7.0(03.0{second:02}*kW)\r\n1-0:2.7.0(00.000*kW)\r\n\
             0-0:96.7.21(00008)\r\n0-0:96.7.9(00003)\r\n\
             1-0:99.97.0(1)(0-0:96.7.19)(190115011853W)(0000000389*s)\r\n1-0:32.32.0(00005)\r\n\
             1-0:52.32.0(00006)\r\n1-0:72.32.0(00007)\r\n1-0:32.36.0(00001)\r\n1-0:52.36.0(00001)\r\n\
             1-0:72.36.0(00001)\r\n0-0:96.13.0()\r\n1-0:32.7.0(229.8*V)\r\n1-0:52.7.0(230.1*V)\r\n\
             1-0:72.7.0(231.0*V)\r\n1-0:31.7.0(004*A)\r\n1-0:51.7.0(004*A)\r\n1-0:71.7.0(004*A)\r\n\
             1-0:21.7.0(01.0{second:02}*kW)\r\n1-0:41.7.0(01.000*kW)\r\n1-0:61.7.0(01.000*kW)\r\n\
             1-0:22.7.0(00.000*kW)\r\n1-0:42.7.0(00.000*kW)\r\n1-0:62.7.0(00.000*kW)\r\n\
             0-1:24.1.0(003)\r\n0-1:96.1.0(4730303339303031393336393930363139)\r\n\
             0-1:24.2.1(261121034500W)(02345.678*m3)\r\n{more}!\r\n"
        );
        framer.push(telegram.as_bytes(), &mut |event| {
            if let Event::Frame(frame) = event {
                let mut reading = read(&frame, &zone, 1_795_229_100_000 + second * 1_000).reading;
                reading.raw = Some(frame.bytes().into());
                readings.push(reading);
            }
        });
    }
    framer.finish(&mut |_| {});
    readings
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn microseconds(mut round: impl FnMut(u32)) -> f64 {
    let start = Instant::now();
    for n in 0..ROUNDS {
        round(n);
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

fn main() {
    let (plain, belgian) = (readings(""), readings(&history()));
    let native =
        |payload| LayoutSettings::Native { prefix: "dsmrd".into(), payload, discovery: Discovery::off() };
    let dsmr_reader = LayoutSettings::DsmrReader {
        meter: "home".into(),
        timezone: "Europe/Amsterdam".into(),
        prefix: "dsmr".into(),
        mapping: Vec::new(),
    };
    println!("{:<34} {:>9} {:>12} {:>12}", "layout", "messages", "layout, µs", "queue, µs");
    for (name, settings, readings) in [
        ("dsmrd", native(PayloadFormat::Value), &plain),
        ("dsmrd, peaks of 13 months", native(PayloadFormat::Value), &belgian),
        ("dsmrd, value and timestamp", native(PayloadFormat::ValueTimestamp), &plain),
        ("dsmrd, JSON", native(PayloadFormat::Json), &plain),
        ("dsmr-reader", dsmr_reader, &plain),
    ] {
        let mut layout = Layout::new(&settings).expect("a layout");
        let context = Context { meter: "home", rejected: 0, totals: None };
        let mut out = Vec::new();
        let messages = |layout: &mut Layout, n: u32, out: &mut Vec<_>| {
            out.clear();
            layout.messages(context, black_box(&readings[n as usize % readings.len()]), out);
        };
        let alone = microseconds(|n| messages(&mut layout, n, &mut out));
        let mut queue = DedupQueue::new(QueueSettings::default());
        let both = microseconds(|n| {
            messages(&mut layout, n, &mut out);
            let now = u64::from(n) * 1_000;
            for message in out.drain(..) {
                queue.offer(message, now);
            }
            while let Some((token, message)) = queue.next(now) {
                black_box(message);
                queue.acked(token, now);
            }
        });
        messages(&mut layout, 1, &mut out);
        println!("{name:<34} {:>9} {alone:>12.2} {:>12.2}", out.len(), both - alone);
    }
}
