//! See `main.rs`.

mod commands;
mod meters;
mod network;
mod port;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::{Field, Reading};
use dsmrd::source::simulate::Simulator;
use dsmrd::source::{Delivery, Line, LineSettings, SourceSettings, SourceUrl, run};
use dsmrd::telemetry::MeterCounters;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// No single thing takes longer, not even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// 2024-01-20 12:00:00 UTC: not long after the simulated meter was installed, so that it starts quickly.
const NOON: i64 = 1_705_752_000;

/// A meter's task, with what it delivers.
struct Meter {
    deliveries: mpsc::UnboundedReceiver<Delivery>,
    counters: Arc<MeterCounters>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Meter {
    fn read(settings: SourceSettings) -> Self {
        let (sender, deliveries) = mpsc::unbounded_channel();
        let counters = Arc::<MeterCounters>::default();
        let stop = CancellationToken::new();
        let deliver = move |delivery| {
            let _ = sender.send(delivery);
        };
        let task = tokio::spawn(run(
            MeterId { name: "home".into() },
            settings,
            Clock::system(),
            Arc::clone(&counters),
            deliver,
            stop.clone(),
        ));
        Self { deliveries, counters, stop, task }
    }

    async fn next(&mut self) -> Delivery {
        timeout(PATIENCE, self.deliveries.recv()).await.expect("something is delivered").expect("it runs")
    }

    async fn reading(&mut self) -> Reading {
        loop {
            if let Delivery::Reading(reading) = self.next().await {
                return reading;
            }
        }
    }

    async fn link(&mut self) -> bool {
        loop {
            if let Delivery::Link(up) = self.next().await {
                return up;
            }
        }
    }

    /// Stops the task and checks that its counters balance.
    async fn stop(self) -> Arc<MeterCounters> {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("it stops").expect("it does not panic");
        let c = &self.counters;
        assert_eq!(c.frames.get(), c.delivered.get() + c.rejected());
        assert_eq!(c.bytes.get(), c.delivered_bytes.get() + c.rejected_bytes.get() + c.noise_bytes.get());
        self.counters
    }
}

fn settings(url: SourceUrl) -> SourceSettings {
    SourceSettings {
        url,
        line: Line::Fixed(LineSettings::M115200_8N1),
        max_telegram: 8_192,
        silence: Duration::from_secs(20),
        country: None,
        timezone: None,
        keys: None,
        clock_tolerance: None,
    }
}

fn serial(path: &Path) -> SourceSettings {
    settings(SourceUrl::Serial(path.to_owned()))
}

/// Telegrams of a simulated meter, and what one of them must become.
fn telegrams(count: usize) -> Vec<Vec<u8>> {
    let mut simulator = Simulator::new(11, NOON);
    (0..count).map(|_| simulator.next_telegram()).collect()
}

/// Telegrams of a meter of DSMR 2, with an end mark and without a CRC.
fn without_crc(number: u32) -> Vec<u8> {
    format!("/ISk5\\2MT382-1000\r\n\r\n1-0:1.8.1({number:05}.001*kWh)\r\n1-0:1.7.0(0000.42*kW)\r\n!\r\n")
        .into_bytes()
}

/// Text as a line of seven data bits and even parity carries it, read as eight data bits.
fn with_parity(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&byte| if byte.count_ones() % 2 == 1 { byte | 0x80 } else { byte }).collect()
}

fn raw(reading: &Reading) -> &[u8] {
    reading.raw.as_deref().expect("the reader keeps the telegram")
}

fn import_t1(reading: &Reading) -> String {
    reading.number(Field::EnergyImportT1).expect("every telegram has it").to_string()
}
