//! `dsmrd demo`: the whole appliance on a simulated household, with nothing to configure.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use dsmrd::app::{App, Running, signals};
use dsmrd::clock::Clock;
use dsmrd::config::{ConfigError, LogFormat, LogSettings, MeterSettings, PriceSettings, Settings};
use dsmrd::exit;
use dsmrd::feed::Event;
use dsmrd::meter::{Field, MbusClass};
use dsmrd::mqtt::BrokerSettings;
use dsmrd::mqtt::embedded::Broker;
use dsmrd::p1::Decimal;
use dsmrd::prices::Contract;
use dsmrd::publish::{Discovery, LayoutSettings, PayloadFormat};
use dsmrd::source::pty::Pty;
use dsmrd::source::simulate::Live;
use dsmrd::source::{Line, ShareEncrypted, ShareSettings, SourceSettings, SourceUrl};
use dsmrd::store::StoreSettings;
use dsmrd::telemetry::log;
use dsmrd::totals::Totals;

use super::Outcome;

/// The name of the simulated meter.
const METER: &str = "home";
/// Where the appliance tells whether it lives, and how.
const STATUS: &str = "dsmrd/status";
const ONLINE: &str = "online";
const OFFLINE: &str = "offline";
/// Seconds between two lines about what the appliance does.
const REPORT_EVERY: u64 = 5;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the record in this folder; without it, in a scratch folder that is removed at the end.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Which household: equal seeds give equal telegrams.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after this many seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let clock = Clock::system();
    log::init(tracing::Level::INFO, log::Format::Text, true, clock.clone());
    let folder = match &args.folder {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("dsmrd-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let code = super::runtime()?.block_on(household(args, folder.clone(), clock));
    if args.folder.is_none() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    code
}

/// Simulated meter, pseudo-terminal, appliance and broker, until asked to stop.
async fn household(args: &Args, folder: PathBuf, clock: Clock) -> Outcome {
    let controls = signals::listen().context("cannot listen for signals")?;
    let end = CancellationToken::new();
    let broker = Broker::bind(([127, 0, 0, 1], 0).into()).await.context("cannot start the demo's broker")?;
    let port = broker.local_addr().context("cannot start the demo's broker")?.port();
    let broker = tokio::spawn(broker.run(end.clone()));
    let pty = Pty::open().context("cannot open a pseudo-terminal")?;
    let tty = pty.path().to_owned();
    let meter = tokio::spawn(feed(pty, args.seed, clock.clone(), end.clone()));

    say!("simulated meter   {} (one telegram a second)", tty.display());
    say!("record            {}", folder.join("dsmrd.sqlite").display());
    say!("broker            mqtt://127.0.0.1:{port}");
    say!("watch it with     mosquitto_sub -h 127.0.0.1 -p {port} -t 'dsmrd/#' -v");
    say!("stop it with      Ctrl-C\n");

    let settings = settings(tty, folder.join("dsmrd.sqlite"), port);
    let running = App::bind(settings, clock, None)?.start().context("cannot start the watchdog")?;
    let mut seconds = 0;
    let mut told = false;
    let limit = args.seconds;
    let code = running
        .run(controls, no_reload, |now| {
            seconds += 1;
            if let Some(address) = now.shares().address(METER).filter(|_| !told) {
                say!(
                    "every telegram     nc {} {} (as many readers as you like)",
                    address.ip(),
                    address.port()
                );
                told = true;
            }
            if seconds % REPORT_EVERY == 0 {
                report(now);
            }
            if limit.is_some_and(|limit| seconds > limit) {
                now.request_stop();
            }
        })
        .await
        .code;
    end.cancel();
    let _ = meter.await;
    let _ = broker.await;
    if code == exit::OK {
        say!("stopped cleanly");
    }
    Ok(code)
}

/// SIGHUP finds nothing to read again.
fn no_reload() -> Result<Settings, ConfigError> {
    let problems = vec!["the demo has no configuration file".to_owned()];
    Err(ConfigError { problems, warnings: Vec::new() })
}

/// The simulated meter: a telegram a second into the pseudo-terminal.
async fn feed(pty: Pty, seed: u64, clock: Clock, end: CancellationToken) {
    let mut household = Live::new(seed, clock);
    while let Some(telegram) = end.run_until_cancelled(household.next_telegram()).await {
        if let Err(error) = pty.offer(&telegram) {
            tracing::error!(%error, "the pseudo-terminal takes no telegrams");
            return;
        }
    }
}

/// One line about what the appliance did so far.
fn report(running: &mut Running) {
    let last = running.feed().snapshot().into_iter().find_map(|event| match event {
        Event::Reading { reading, totals, .. } => Some((reading, totals)),
        Event::Link { .. } | Event::Store(_) => None,
    });
    let power = last.as_ref().and_then(|(reading, _)| {
        let import = reading.number(Field::PowerImport)?;
        let export = reading.number(Field::PowerExport)?;
        Some(format!("{import} kW in, {export} kW out"))
    });
    let today = last.and_then(|(_, totals)| Some(today(totals.as_deref()?)));
    let readings = running.readers().counters(METER).delivered.get();
    let broker = running.brokers().counters(METER);
    let share = running.shares().counters(METER);
    say!(
        "{readings} readings; power {}; today {}; {} messages sent, {} deduplicated; {} readers over TCP ({} came, {} dropped), \
         {} telegrams sent; record {} kB",
        power.as_deref().unwrap_or("not known yet"),
        today.as_deref().unwrap_or("not known yet"),
        broker.acked.get(),
        broker.deduplicated.get(),
        share.clients.get(),
        share.connects.get(),
        share.dropped.get(),
        share.telegrams.get(),
        running.store_counters().disk_bytes.get().div_ceil(1000),
    );
}

/// What was used today and what it cost, as far as it was read.
fn today(totals: &Totals) -> String {
    let Totals { today, currency, .. } = totals;
    let mut told = Vec::new();
    for (field, way) in [(Field::EnergyImportTotal, "in"), (Field::EnergyExportTotal, "out")] {
        told.extend(today.usage.energy(field).map(|energy| format!("{energy} kWh {way}")));
    }
    told.extend(today.usage.device(MbusClass::Gas).map(|gas| format!("{} m³ of gas", gas.value)));
    let cost = today.cost.as_ref().and_then(|cost| cost.total().rounded(2));
    told.extend(cost.map(|cost| format!("{cost} {currency}")));
    told.join(", ")
}

/// A contract with two tariffs, gas and a fixed amount a day, as a household in the Netherlands has one.
fn contract() -> Contract {
    let price = |mantissa| Decimal::new(mantissa, 4).expect("four decimals fit");
    Contract {
        name: "demo".to_owned(),
        meter: None,
        start: jiff::civil::date(2015, 1, 1),
        end: None,
        import: None,
        import_tariffs: [Some(price(2_412)), Some(price(2_631)), None, None],
        export: Some(price(550)),
        export_tariffs: [None; 4],
        devices: vec![(MbusClass::Gas, price(12_795))],
        fixed: price(6_841),
        feed_in: price(150),
        capacity: None,
        capacity_minimum: Decimal::ZERO,
        dynamic: None,
    }
}

/// Home Assistant's discovery, as a configuration has it by default.
fn discovery() -> Discovery {
    Discovery {
        enabled: true,
        node: "dsmrd_demo".to_owned(),
        status_topic: STATUS.to_owned(),
        status_online: ONLINE.to_owned(),
        status_offline: OFFLINE.to_owned(),
        meters: vec![METER.to_owned()],
        ..Discovery::off()
    }
}

/// The embedded default.
fn settings(tty: PathBuf, record: PathBuf, port: u16) -> Settings {
    Settings {
        retention: dsmrd::store::Retention::default(),
        meters: vec![MeterSettings {
            share: Some(ShareSettings {
                listen: "127.0.0.1:0".to_owned(),
                encrypted: ShareEncrypted::Decrypted,
            }),
            name: METER.to_owned(),
            source: SourceSettings {
                url: SourceUrl::Serial(tty),
                line: Line::Auto,
                max_telegram: 8192,
                silence: Duration::from_secs(20),
                country: None,
                timezone: None,
                keys: None,
                clock_tolerance: None,
            },
        }],
        store: StoreSettings { path: record, sync_interval: Duration::from_secs(60) },
        tail: None,
        mqtt: vec![BrokerSettings {
            name: METER.to_owned(),
            enabled: true,
            host: "127.0.0.1".to_owned(),
            port,
            tls: None,
            username: None,
            password: None,
            client_id: "dsmrd-demo".to_owned(),
            keepalive: Duration::from_secs(30),
            qos: 1,
            cache: Duration::from_secs(3600),
            layouts: vec![LayoutSettings::Native {
                prefix: "dsmrd".to_owned(),
                payload: PayloadFormat::Value,
                discovery: discovery(),
            }],
            prices: None,
            status_topic: STATUS.to_owned(),
            status_online: ONLINE.to_owned(),
            status_offline: OFFLINE.to_owned(),
            rate: 1000,
        }],
        prices: PriceSettings { currency: "EUR".to_owned(), contracts: vec![contract()] },
        log: LogSettings { level: tracing::Level::INFO, format: LogFormat::Text },
        watchdog: Duration::from_secs(60),
        backup: dsmrd::config::BackupSettings::default(),
    }
}
