//! `dsmrd check-config`: tells every problem of the configuration before the appliance meets it.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use dsmrd::clock::Clock;
use dsmrd::config::{self, MeterSettings};
use dsmrd::exit;
use dsmrd::mqtt::BrokerSettings;
use dsmrd::source::{self, ShareSettings, SourceUrl};
use dsmrd::store::{Archive, StoreSettings};

use super::{ConfigFile, Outcome};

#[derive(Debug, clap::Args)]
#[command(after_long_help = config::sample::help())]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Also open the meters' sources, the ports of their shares, the database and the brokers.
    #[arg(long)]
    connect: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let file = &args.file.config;
    let loaded = config::load(file)?;
    for warning in &loaded.warnings {
        say!("warning: {warning}");
    }
    let settings = &loaded.settings;
    let (meters, brokers) = (settings.meters.len(), settings.mqtt.len());
    say!("{}: good ({}, {})", file.display(), count(meters, "meter"), count(brokers, "broker"));
    if !args.connect {
        return Ok(exit::OK);
    }
    let mut checks: Vec<(String, anyhow::Result<String>)> = Vec::new();
    for meter in &settings.meters {
        checks.push((format!("meter {}", meter.name), open_source(meter)));
        if let Some(share) = &meter.share {
            checks.push((format!("share of {}", meter.name), listen(share)));
        }
    }
    checks.push(("store".to_owned(), open_store(&settings.store)));
    for broker in &settings.mqtt {
        checks.push((format!("broker {}", broker.name), reach_broker(broker)));
    }
    for (name, result) in &checks {
        match result {
            Ok(what) => say!("{name}: good, {what}"),
            Err(error) => say!("{name}: failed, {error:#}"),
        }
    }
    let failed = checks.iter().any(|(_, result)| result.is_err());
    Ok(if failed { exit::FAILURE } else { exit::OK })
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Opens where a meter's telegrams come from, without waiting for one.
fn open_source(meter: &MeterSettings) -> anyhow::Result<String> {
    super::runtime()?.block_on(source::check(&meter.source, &Clock::system()))?;
    Ok(match &meter.source.url {
        SourceUrl::Serial(path) | SourceUrl::File(path) => format!("{} opens", path.display()),
        SourceUrl::Tcp { host, port } => format!("{host} answers on port {port}"),
        SourceUrl::Stdin => "standard input needs no opening".to_owned(),
        SourceUrl::Simulate { .. } => "the simulated meter needs no opening".to_owned(),
    })
}

/// Listens where a share would, for a moment. A running appliance has the port already.
fn listen(share: &ShareSettings) -> anyhow::Result<String> {
    let address = &share.listen;
    match TcpListener::bind(address.as_str()) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("{address} is taken; by a dsmrd that runs already?")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// Looks whether the database can be written, without writing: a running appliance may have it open.
fn open_store(settings: &StoreSettings) -> anyhow::Result<String> {
    let path = &settings.path;
    let shown = path.display();
    if path.exists() {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot open {shown} for writing"))?;
        let mut header = [0; 16];
        let empty = file.metadata()?.len() == 0;
        ensure!(
            empty || (file.read_exact(&mut header).is_ok() && header == *b"SQLite format 3\0"),
            "{shown} is no SQLite database; name another file, or move it away"
        );
        if !empty {
            // Of another program, of a later dsmrd, damaged: the store itself says it best.
            Archive::open(path)?;
        }
        return Ok(format!("{shown} can be written"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(
        folder.is_dir(),
        "the folder {} is not there; make it, and let dsmrd write to it",
        folder.display()
    );
    let probe = folder.join(format!(".dsmrd-check-{}", std::process::id()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&probe)
        .with_context(|| format!("cannot make a file in {}", folder.display()))?;
    std::fs::remove_file(&probe)?;
    Ok(format!("{shown} can be made"))
}

/// Sends a message to a broker and waits until it comes back, as `dsmrd mqtt test` does.
fn reach_broker(broker: &BrokerSettings) -> anyhow::Result<String> {
    if !broker.enabled {
        return Ok("it is switched off".to_owned());
    }
    let clock = Clock::system();
    let report = super::runtime()?.block_on(super::mqtt::round_trip(broker, &clock))?;
    Ok(format!("a message came back after {} ms", report.round_trip))
}
