//! What publishing costs: a reading of a three-phase DSMR 5 meter laid out as topics, and its messages
//! through the queue; the same with Belgium's peaks of thirteen months besides, which must not be made
//! anew for each; and with totals, peaks and costs. `cargo bench --bench publish` prints microseconds a reading.
//!
//! Then what the queue saves, with every layout, totals and prices on: of a real capture (`DSMRD_CORPUS`, a folder
//! with `stream`), and of a day of the simulated meter, by the meter's own clock. Behind `--` the parts to run may
//! stand, `layouts`, `captures`, `day`, and for how many seconds the meter is simulated: `-- day 3600`. Times are the
//! processor's, so that other work on the machine does not count.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::meter::interpreter::{Interpreter, InterpreterSettings};
use dsmrd::meter::{MbusClass, Reading, Zone, read};
use dsmrd::p1::frame::{Event, Framer, FramerSettings};
use dsmrd::p1::{Decimal, Telegram};
use dsmrd::prices::{Contract, Dynamic, PriceBook, PriceKind, PriceTable, Slot};
use dsmrd::publish::{
    Context, DedupQueue, Discovery, Layout, LayoutSettings, Message, PayloadFormat, QueueSettings, QueueStats,
};
use dsmrd::source::simulate::Simulator;
use dsmrd::totals::{Ledger, LedgerSettings, Totals};

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

/// The processor time of this thread so far.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place is ours, and every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn microseconds(mut round: impl FnMut(u32)) -> f64 {
    let start = cpu();
    for n in 0..ROUNDS {
        round(n);
    }
    (cpu() - start).as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

/// A ledger with a dynamic contract that prices everything.
fn ledger(start: i64, end: i64) -> Ledger {
    let zone = Zone::new("Europe/Amsterdam").expect("a zone");
    let price = |mantissa, scale| Decimal::new(mantissa, scale).expect("fits");
    let mut table = PriceTable::default();
    for hour in start.div_euclid(3_600)..=end.div_euclid(3_600) {
        let price = price(20_000 + i128::from(hour % 24) * 1_000, 5);
        let (start, end) = (hour * 3_600, (hour + 1) * 3_600);
        table.insert(Slot { kind: PriceKind::Electricity, start, end, price });
    }
    let contract = Contract {
        name: "dynamic".into(),
        meter: None,
        start: jiff::civil::date(2015, 1, 1),
        end: None,
        import: Some(price(30, 2)),
        import_tariffs: [None; 4],
        export: Some(price(5, 2)),
        export_tariffs: [None; 4],
        devices: vec![(MbusClass::Gas, price(1_234, 3)), (MbusClass::Water, price(98, 2))],
        fixed: price(85, 2),
        feed_in: price(2, 2),
        capacity: None,
        capacity_minimum: price(25, 1),
        dynamic: Some(Dynamic {
            markup_import: price(13_165, 5),
            markup_export: price(-2, 2),
            markup_gas: price(0, 0),
            vat: price(21, 2),
            vat_export: price(21, 2),
            import: true,
            export: true,
            gas: false,
        }),
    };
    let prices = Arc::new(PriceBook {
        currency: "EUR".into(),
        contracts: vec![contract],
        table: Arc::new(table),
        zone: zone.clone(),
    });
    Ledger::new(LedgerSettings { zone, prices }, Vec::new())
}

fn native(payload: PayloadFormat, discovery: Discovery) -> LayoutSettings {
    LayoutSettings::Native { prefix: "dsmrd".into(), payload, discovery }
}

fn dsmr_reader() -> LayoutSettings {
    LayoutSettings::DsmrReader {
        meter: "home".into(),
        timezone: "Europe/Amsterdam".into(),
        prefix: "dsmr".into(),
        mapping: Vec::new(),
    }
}

fn discovery() -> Discovery {
    Discovery {
        enabled: true,
        node: "dsmrd_bench".into(),
        status_topic: "dsmrd/status".into(),
        status_online: "online".into(),
        status_offline: "offline".into(),
        meters: vec!["home".into()],
        ..Discovery::off()
    }
}

/// The cost of each layout alone.
fn layouts() {
    let (plain, belgian) = (readings(""), readings(&history()));
    println!("{:<34} {:>9} {:>12} {:>12}", "layout", "messages", "layout, µs", "queue, µs");
    let value = || native(PayloadFormat::Value, Discovery::off());
    for (name, settings, readings, adds_up) in [
        ("dsmrd", value(), &plain, false),
        ("dsmrd, peaks of 13 months", value(), &belgian, false),
        (
            "dsmrd, value and timestamp",
            native(PayloadFormat::ValueTimestamp, Discovery::off()),
            &plain,
            false,
        ),
        ("dsmrd, JSON", native(PayloadFormat::Json, Discovery::off()), &plain, false),
        ("dsmr-reader", dsmr_reader(), &plain, false),
        ("dsmrd, with totals", value(), &plain, true),
        ("dsmrd, with totals and discovery", native(PayloadFormat::Value, discovery()), &plain, true),
        ("dsmr-reader, with totals", dsmr_reader(), &plain, true),
    ] {
        let mut layout = Layout::new(&settings).expect("a layout");
        let mut ledger = ledger(0, 0);
        let totals: Vec<Totals> = readings.iter().map(|reading| ledger.take(reading)).collect();
        let mut out = Vec::new();
        let messages = |layout: &mut Layout, n: u32, out: &mut Vec<_>| {
            out.clear();
            let place = n as usize % readings.len();
            let totals = adds_up.then_some(&totals[place]);
            let context = Context { meter: "home", rejected: 0, totals };
            layout.messages(context, black_box(&readings[place]), out);
        };
        let alone = microseconds(|n| messages(&mut layout, n, &mut out));
        let mut queue = DedupQueue::new(QueueSettings::default());
        let both = microseconds(|n| {
            messages(&mut layout, n, &mut out);
            let now = u64::from(n) * 1_000;
            for message in out.drain(..) {
                queue.offer(message, now);
            }
            deliver(&mut queue, now);
        });
        messages(&mut layout, 0, &mut out);
        println!("{name:<34} {:>9} {alone:>12.2} {:>12.2}", out.len(), both - alone);
    }
}

/// A broker that takes all at once.
fn deliver(queue: &mut DedupQueue, now: u64) {
    while let Some((token, message)) = queue.next(now) {
        black_box(message);
        queue.acked(token, now);
    }
}

/// Everything between the telegram and the broker.
struct Pipeline {
    interpreter: Interpreter,
    ledger: Ledger,
    layouts: Vec<Layout>,
    queues: Vec<DedupQueue>,
    out: Vec<Message>,
    readings: u32,
    /// Of the interpreter, the ledger, the layouts and the queues.
    spent: [Duration; 4],
    first: Option<i64>,
    now: u64,
}

impl Pipeline {
    fn new(start: i64, end: i64) -> Self {
        let layouts = [native(PayloadFormat::Value, discovery()), dsmr_reader()];
        Self {
            interpreter: Interpreter::new(InterpreterSettings::default()),
            ledger: ledger(start, end),
            layouts: layouts.iter().map(|settings| Layout::new(settings).expect("a layout")).collect(),
            queues: layouts.iter().map(|_| DedupQueue::new(QueueSettings::default())).collect(),
            out: Vec::new(),
            readings: 0,
            spent: [Duration::ZERO; 4],
            first: None,
            now: 0,
        }
    }

    /// Takes a telegram. While the broker is away nothing is delivered.
    fn take(&mut self, telegram: &Telegram<'_>, raw: &[u8], received_at: Option<i64>, is_away: bool) {
        let start = cpu();
        let mut reading = self.interpreter.interpret(telegram, received_at.unwrap_or_default()).reading;
        reading.raw = Some(raw.into());
        if received_at.is_none() {
            reading.received_at = reading.utc_seconds() * 1_000;
        }
        let first = *self.first.get_or_insert(reading.received_at);
        // The queue's clock is monotonic.
        self.now = self.now.max((reading.received_at - first).unsigned_abs());
        let read = cpu();
        let totals = self.ledger.take(&reading);
        let counted = cpu();
        self.spent[0] += read - start;
        self.spent[1] += counted - read;
        let context = Context { meter: "home", rejected: 0, totals: Some(&totals) };
        for (layout, queue) in self.layouts.iter_mut().zip(&mut self.queues) {
            let start = cpu();
            layout.messages(context, &reading, &mut self.out);
            let laid = cpu();
            for message in self.out.drain(..) {
                queue.offer(message, self.now);
            }
            if !is_away {
                deliver(queue, self.now);
            }
            self.spent[2] += laid - start;
            self.spent[3] += cpu() - laid;
        }
        self.readings += 1;
    }

    fn report(&self, name: &str) {
        let each = f64::from(self.readings.max(1));
        let [read, counted, laid, queued] = self.spent.map(|spent| spent.as_secs_f64() * 1e6 / each);
        let whole = read + counted + laid + queued;
        println!(
            "\n{name}: {} readings, {whole:.1} µs each: reading {read:.1}, totals {counted:.1}, \
             layouts {laid:.1}, queues {queued:.1}",
            self.readings
        );
        for (name, queue) in ["dsmrd", "dsmr-reader"].into_iter().zip(&self.queues) {
            let QueueStats { offered, acked, superseded, deduplicated, pending, .. } = queue.stats();
            let share = |count: u64| count as f64 * 100.0 / offered.max(1) as f64;
            println!(
                "  {name:<12} {offered:>9} offered, {:.1} a reading; {acked:>8} sent ({:.1} %), \
                 {deduplicated:>9} held back by the cache ({:.1} %), {superseded} superseded ({:.1} %), \
                 {pending} pending",
                offered as f64 / each,
                share(acked),
                share(deduplicated),
                share(superseded),
            );
        }
    }
}

/// A real capture.
#[expect(clippy::disallowed_methods, reason = "the corpus is outside the repository")]
fn captures() {
    let Some(corpus) = std::env::var_os("DSMRD_CORPUS").map(PathBuf::from) else {
        println!("\nno captures: set DSMRD_CORPUS");
        return;
    };
    // The one capture of a meter in its own order that is long enough to say something.
    let name = "stream_hansij66_ene_t210d";
    let Ok(bytes) = std::fs::read(corpus.join("stream").join(name).with_extension("txt")) else {
        println!("\n{name}: not there");
        return;
    };
    let mut pipeline = Pipeline::new(0, 0);
    let mut framer = Framer::new(FramerSettings::default());
    let mut take = |event: Event<'_>| {
        if let Event::Frame(frame) = event {
            pipeline.take(&Telegram::read(&frame), frame.bytes(), None, false);
        }
    };
    framer.push(&bytes, &mut take);
    framer.finish(&mut take);
    pipeline.report(name);
}

/// So many seconds of the simulated meter, the broker away for a part of them.
fn simulated(seconds: i64, away: std::ops::Range<i64>, name: &str) {
    // 2026-06-15 00:00 in Amsterdam: the sun shines, the registers of both ways move.
    let start = 1_781_474_400;
    let mut simulator = Simulator::new(1, start);
    let mut pipeline = Pipeline::new(start, start + seconds);
    let mut framer = Framer::new(FramerSettings::default());
    for second in 0..seconds {
        let (at, telegram) = (simulator.utc(), simulator.next_telegram());
        framer.push(&telegram, &mut |event| {
            if let Event::Frame(frame) = event {
                let telegram = Telegram::read(&frame);
                pipeline.take(&telegram, frame.bytes(), Some(at * 1_000), away.contains(&second));
            }
        });
    }
    pipeline.report(name);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |part: &str| {
        let mut parts = arguments.iter().filter(|word| word.parse::<i64>().is_err()).peekable();
        parts.peek().is_none() || parts.any(|word| word == part)
    };
    if is_wanted("layouts") {
        layouts();
    }
    if is_wanted("captures") {
        captures();
    }
    if is_wanted("day") {
        let seconds = arguments.iter().find_map(|word| word.parse().ok()).unwrap_or(86_400);
        simulated(seconds, 0..0, &format!("{seconds} s of the simulated meter"));
        let hour = seconds / 2..seconds / 2 + seconds / 24;
        let name = format!("the same, the broker away for {} s", hour.end - hour.start);
        simulated(seconds, hour, &name);
    }
}
