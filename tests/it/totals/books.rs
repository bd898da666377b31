//! Totals through the whole appliance: restarts, reloads, prices that change.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::appliance::daemon::Daemon;
use crate::appliance::meter::{Meter, sealed};
use crate::support::{Mosquitto, Subscriber, mosquitto_missing, scratch, wait_until};

const SOON: Duration = Duration::from_secs(20);

/// A telegram at a local time, `YYMMDDhhmmssX`, with its registers in Wh, and gas in dm³ at a time of its own.
fn telegram(time: &str, import: [u64; 2], export: u64, gas: (&str, u64)) -> Vec<u8> {
    let kilo = |wh: u64| format!("{:06}.{:03}", wh / 1000, wh % 1000);
    sealed(&format!(
        "/ISK5\\2M550T-1012\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0({time})\r\n\
         0-0:96.1.1(4530303434303037303030303030313139)\r\n1-0:1.8.1({}*kWh)\r\n1-0:1.8.2({}*kWh)\r\n\
         1-0:2.8.1({}*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n0-0:96.14.0(0002)\r\n1-0:1.7.0(02.000*kW)\r\n\
         1-0:2.7.0(00.000*kW)\r\n0-1:24.1.0(003)\r\n0-1:96.1.0(4730303339303031383233303431323139)\r\n\
         0-1:24.2.1({})({:05}.{:03}*m3)\r\n!",
        kilo(import[0]),
        kilo(import[1]),
        kilo(export),
        gas.0,
        gas.1 / 1000,
        gas.1 % 1000,
    ))
}

/// A house with one meter, a real broker and a contract.
struct House {
    config: PathBuf,
    broker: Mosquitto,
    meter: Meter,
    live: Subscriber,
    _folder: tempfile::TempDir,
}

impl House {
    fn new(contracts: &str) -> Self {
        let broker = Mosquitto::start();
        let folder = scratch();
        let config = folder.path().join("dsmrd.toml");
        let live = Subscriber::new(broker.port(), "dsmrd/#");
        let meter = Meter::plug_in(&folder.path().join("tty"));
        let house = Self { config, broker, meter, live, _folder: folder };
        house.configure(contracts);
        house
    }

    fn configure(&self, contracts: &str) {
        let text = format!(
            "[[meter]]\nname = \"home\"\nsource = \"tty\"\n[store]\npath = \"record.sqlite\"\n\
             [[mqtt]]\nname = \"local\"\nurl = \"mqtt://127.0.0.1:{}\"\ncache = \"0s\"\n\
             prices_topic = \"energy/prices\"\n{contracts}",
            self.broker.port()
        );
        std::fs::write(&self.config, text).expect("a configuration");
    }

    /// Publishes on the topic with prices, retained.
    fn publish(&self, payload: &[u8]) {
        let file = self.config.with_file_name("payload");
        std::fs::write(&file, payload).expect("written");
        let port = self.broker.port().to_string();
        let sent = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", "energy/prices", "-r", "-f"])
            .arg(&file)
            .status()
            .expect("mosquitto_pub runs");
        assert!(sent.success());
    }

    /// Sends a telegram and waits until it is published.
    fn send(&mut self, time: &str, import: [u64; 2], export: u64, gas: (&str, u64)) {
        let before = self.live.payloads("dsmrd/home/time").len();
        self.meter.send(&telegram(time, import, export, gas));
        wait_until(SOON, "the reading is published", || self.live.payloads("dsmrd/home/time").len() > before);
    }

    /// Waits until topics below the meter's own say this.
    fn says(&self, wanted: &[(&str, &str)]) {
        let last = |topic: &str| self.live.last(&format!("dsmrd/home/{topic}"));
        for (topic, payload) in wanted {
            let says = || last(topic).as_deref() == Some(*payload);
            if crate::support::wait_for(SOON, || says().then_some(())).is_none() {
                panic!("{topic} says {:?}, not {payload:?}", last(topic));
            }
        }
    }
}

const CONTRACT: &str = "[[contract]]\nname = \"fixed\"\nstart = \"2026-01-01\"\nimport_t1 = 0.2\nimport_t2 = 0.3\n\
                        export = 0.1\ngas = 1.5\nfixed = 1\n";

/// When, tariffs 1 and 2, given, and gas with its own time.
type Sent = (&'static str, [u64; 2], u64, (&'static str, u64));

const DAY: [Sent; 5] = [
    ("261120120000W", [100_000, 200_000], 50_000, ("261120120000W", 1_000_000)),
    ("261120235955W", [101_500, 203_000], 50_500, ("261120235500W", 1_002_000)),
    // The first of the day; gas says what was used until midnight, which is yesterday's.
    ("261121000005W", [101_510, 203_000], 50_500, ("261121000000W", 1_002_250)),
    ("261121001405W", [101_700, 203_000], 50_500, ("261121001000W", 1_002_300)),
    ("261121001505W", [101_710, 203_020], 50_510, ("261121001500W", 1_002_400)),
];

/// What is said after the last of them.
const TODAY: [(&str, &str); 6] = [
    ("today/energy_import_t1", "0.210"),
    ("today/energy_import_t2", "0.020"),
    ("today/energy_import", "0.230"),
    ("today/energy_export", "0.010"),
    ("today/gas", "0.150"),
    ("month/energy_import", "4.730"),
];

#[test]
fn a_restart_changes_no_total() {
    if mosquitto_missing() {
        return;
    }
    let mut house = House::new(CONTRACT);
    let mut daemon = Daemon::start(&house.config);
    for (time, import, export, gas) in DAY {
        house.send(time, import, export, gas);
        // Each time in another way, and after each telegram.
        if time.ends_with("5W") {
            daemon.signal(libc::SIGKILL);
        } else {
            daemon.signal(libc::SIGTERM);
        }
        daemon.wait();
        daemon = Daemon::start(&house.config);
    }
    let (time, import, export, gas) = DAY[4];
    house.send(time, import, export, gas);
    house.says(&TODAY);
    // 0.210 × 0.2 + 0.020 × 0.3 − 0.010 × 0.1 + 0.150 × 1.5 + 1 = 1.272
    house.says(&[("cost/today", "1.27"), ("today/start", "2026-11-20T23:00:00Z")]);
}

#[test]
fn another_contract_recomputes_the_past() {
    if mosquitto_missing() {
        return;
    }
    let mut house = House::new(CONTRACT);
    let daemon = Daemon::start(&house.config);
    for (time, import, export, gas) in DAY {
        house.send(time, import, export, gas);
    }
    house.says(&TODAY);
    house.says(&[("cost/today", "1.27")]);
    house.configure(&CONTRACT.replace("import_t1 = 0.2", "import_t1 = 1.2"));
    daemon.signal(libc::SIGHUP);
    daemon.wait_for_log("the totals were made anew", 1);
    house.send("261121001515W", [101_710, 203_020], 50_510, ("261121001500W", 1_002_400));
    // 0.210 more.
    house.says(&[("cost/today", "1.48")]);
    house.says(&TODAY);
}

fn prices(config: &Path, table: &str) {
    let file = config.with_file_name("prices.csv");
    std::fs::write(&file, table).expect("a table");
    let done = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["prices", "import", "--config"])
        .args([config, &file])
        .output()
        .expect("dsmrd runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn prices_of_the_hour_come_by_file_and_by_topic_while_it_runs() {
    if mosquitto_missing() {
        return;
    }
    let contract = "[[contract]]\nname = \"by the hour\"\nstart = \"2026-01-01\"\nimport = 0.3\nexport = 0.1\n\
                    dynamic = [\"import\"]\n";
    let mut house = House::new(contract);
    let daemon = Daemon::start(&house.config);
    for (time, import, export, gas) in DAY {
        house.send(time, import, export, gas);
    }
    // No table yet: the contract's fixed price, marked. 0.230 × 0.3 − 0.010 × 0.1 = 0.068.
    house.says(&[("cost/price_import", "0.30"), ("cost/price_source", "fallback"), ("cost/today", "0.07")]);

    prices(&house.config, "start,end,price\n2026-11-20T23:00:00Z,2026-11-21T00:00:00Z,-0.05\n");
    daemon.wait_for_log("the totals were made anew", 1);
    house.send("261121001515W", [101_710, 203_020], 50_510, ("261121001500W", 1_002_400));
    // 0.230 × −0.05 − 0.010 × 0.1 = −0.0125, half away from zero.
    house.says(&[("cost/price_import", "-0.05"), ("cost/price_source", "dynamic"), ("cost/today", "-0.01")]);

    let table = r#"[{"start": "2026-11-20T23:00:00Z", "end": "2026-11-21T00:00:00Z", "price": 0.5}]"#;
    house.publish(table.as_bytes());
    daemon.wait_for_log("the totals were made anew", 2);
    house.send("261121001525W", [101_710, 203_020], 50_510, ("261121001500W", 1_002_400));
    // 0.230 × 0.5 − 0.010 × 0.1 = 0.114
    house.says(&[("cost/price_import", "0.50"), ("cost/today", "0.11")]);
}

#[test]
fn a_topic_takes_what_is_a_table_and_nothing_else() {
    if mosquitto_missing() {
        return;
    }
    // What is given follows the market alone, as in Belgium.
    let contract = "[[contract]]\nname = \"given\"\nstart = \"2026-01-01\"\nimport = 0.3\nexport = 0.1\n\
                    dynamic = [\"export\"]\ndynamic_markup_export = -0.5\n";
    let mut house = House::new(contract);
    let daemon = Daemon::start(&house.config);
    for (time, import, export, gas) in DAY {
        house.send(time, import, export, gas);
    }
    // 0.230 × 0.3 − 0.010 × 0.1 = 0.068
    house.says(&[("cost/price_source", "fallback"), ("cost/today", "0.07")]);
    for (count, payload) in
        [&b"offline"[..], &[0xff, 0, 0x1b, 0xc3], b"start,price\n2026-11-21,soon\n"].iter().enumerate()
    {
        house.publish(payload);
        daemon.wait_for_log("prices were not taken over", count + 1);
    }
    // Times without an offset are the meter's, and the table tells its unit: 10 a kWh.
    house.publish(b"start,price (EUR/MWh)\n2026-11-21 00:00,10500\n2026-11-21 01:00,100\n");
    daemon.wait_for_log("the totals were made anew", 1);
    house.send("261121001515W", [101_710, 203_020], 50_510, ("261121001500W", 1_002_400));
    // 0.069 − 0.010 × 10
    house.says(&[("cost/today", "-0.03"), ("cost/price_import", "0.30"), ("cost/price_export", "10.00")]);
    // More than a packet may have ends the connection once; nothing is lost but what comes by topics.
    house.publish(&vec![b'x'; 1_200_000]);
    daemon.wait_for_log("no longer listening to any topic", 1);
    house.send("261121001525W", [101_720, 203_020], 50_510, ("261121001500W", 1_002_400));
    house.says(&[("today/energy_import", "0.240"), ("cost/today", "-0.03")]);
    // On a day without a contract nothing costs anything.
    house.configure(&contract.replace("import =", "end = \"2026-11-21\"\nimport ="));
    daemon.signal(libc::SIGHUP);
    daemon.wait_for_log("the totals were made anew", 2);
    house.send("261121001735W", [101_720, 203_020], 50_510, ("261121001500W", 1_002_400));
    for topic in ["now", "price_import", "price_export", "today"] {
        house.says(&[(&format!("cost/{topic}"), "")]);
    }
    // 4.5 × 0.3 − 0.5 × 0.1 of the day before, at its fixed prices.
    house.says(&[("cost/month", "1.30"), ("today/energy_import", "0.240")]);
}
