//! `dsmrd run`: the appliance, in the foreground.

use anyhow::Context;

use dsmrd::app::{App, signals};
use dsmrd::clock::Clock;
use dsmrd::config::{self, LogFormat};
use dsmrd::exit;
use dsmrd::telemetry::log;

use super::{ConfigFile, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = config::load(&args.file.config)?;
    let settings = loaded.settings;
    let clock = Clock::system();
    let format = match settings.log.format {
        LogFormat::Text => log::Format::Text,
        LogFormat::Json => log::Format::Json,
    };
    let level = log::init(settings.log.level, format, !config::under_journald(), clock.clone());
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = super::runtime()?;
    let outcome = runtime.block_on(async {
        // Before anything is said: whoever sees that it is there may send a signal, and SIGHUP ends a process that does
        // not listen.
        let controls = signals::listen().context("cannot listen for signals")?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            config = %args.file.config.display(),
            meters = settings.meters.len(),
            brokers = settings.mqtt.iter().filter(|broker| broker.enabled).count(),
            "starting"
        );
        let app = match App::bind(settings, clock, Some(level)) {
            Ok(app) => app,
            Err(error) => {
                tracing::error!(%error, "the record cannot be opened");
                return Ok(exit::STORE);
            }
        };
        let running = app.start().context("cannot start the watchdog")?;
        let path = args.file.config.clone();
        let reload = move || config::load(&path).map(|loaded| loaded.settings);
        Ok(running.run(controls, reload, |_| ()).await.code)
    });
    // The record is closed. Totals that are still being made anew are for nobody: the end does not wait for them.
    runtime.shutdown_background();
    outcome
}
