//! `dsmrd mqtt`: test brokers, and print how to watch them.

use anyhow::bail;
use clap::Subcommand;

use dsmrd::clock::Clock;
use dsmrd::config;
use dsmrd::exit;
use dsmrd::mqtt::check::{self, Report};
use dsmrd::mqtt::{BrokerSettings, Failure, FailureKind};
use dsmrd::publish::LayoutSettings;

use super::{ConfigFile, Outcome};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Connect, publish a message, receive it back.
    ///
    /// Exit codes: 0 all came back, 10 the name has no address, 11 unreachable, 12 TLS, 13 user name or password,
    /// 14 refused, 15 no answer, 16 connection closed, 17 not MQTT, 18 not authorized, 19 acknowledged and not
    /// received back, 78 bad configuration. Of several brokers that fail, the first one's.
    Test(Which),
    /// Print the mosquitto_sub line that shows what a broker gets.
    PrintSubscribe(Which),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The broker's name in the configuration; all of them by default.
    #[arg(long, value_name = "NAME")]
    broker: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(args: &Args) -> Outcome {
    let (Action::Test(which) | Action::PrintSubscribe(which)) = &args.action;
    let loaded = config::load(&which.file.config)?;
    let brokers: Vec<BrokerSettings> = loaded
        .settings
        .mqtt
        .into_iter()
        .filter(|broker| which.broker.as_ref().is_none_or(|name| *name == broker.name))
        .collect();
    if brokers.is_empty() {
        match &which.broker {
            Some(name) => bail!("no broker is named {name:?} in {}", which.file.config.display()),
            None => bail!("{} has no [[mqtt]] table, so nothing is published", which.file.config.display()),
        }
    }
    match &args.action {
        Action::Test(_) => super::runtime()?.block_on(test(&brokers)),
        Action::PrintSubscribe(_) => {
            for broker in &brokers {
                print_subscribe(broker, brokers.len() > 1);
            }
            Ok(exit::OK)
        }
    }
}

/// Tests the brokers one after the other; a broker that is switched off is tested as well.
async fn test(brokers: &[BrokerSettings]) -> Outcome {
    let clock = Clock::system();
    let mut code = exit::OK;
    for broker in brokers {
        match round_trip(broker, &clock).await {
            Ok(report) => say!(
                "{}: good; MQTT {}, a message came back after {} ms",
                broker.name,
                report.version,
                report.round_trip
            ),
            Err(failure) => {
                complain!("{}: {failure}", broker.name);
                if code == exit::OK {
                    code = exit_code(failure.kind);
                }
            }
        }
    }
    Ok(code)
}

/// A message under the broker's own prefix, there and back.
pub(super) async fn round_trip(broker: &BrokerSettings, clock: &Clock) -> Result<Report, Failure> {
    let topic = format!("{}/test/{}", prefix(broker), broker.client_id);
    check::check(broker, &topic, clock).await
}

fn exit_code(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Resolve => exit::MQTT_RESOLVE,
        FailureKind::Unreachable => exit::MQTT_UNREACHABLE,
        FailureKind::Tls => exit::MQTT_TLS,
        FailureKind::Credentials => exit::MQTT_CREDENTIALS,
        FailureKind::Refused => exit::MQTT_REFUSED,
        FailureKind::Timeout => exit::MQTT_TIMEOUT,
        FailureKind::Closed | FailureKind::Takeover => exit::MQTT_CLOSED,
        FailureKind::Protocol => exit::MQTT_PROTOCOL,
        FailureKind::NotAuthorized => exit::MQTT_NOT_AUTHORIZED,
        FailureKind::NotReceived => exit::MQTT_NOT_RECEIVED,
    }
}

/// Where this broker's topics begin.
fn prefix(broker: &BrokerSettings) -> &str {
    let native = broker.layouts.iter().find_map(|layout| match layout {
        LayoutSettings::Native { prefix, .. } => Some(prefix.as_str()),
        LayoutSettings::Withdrawn { .. } | LayoutSettings::DsmrReader { .. } => None,
    });
    native.unwrap_or("dsmr")
}

/// The line runs as it stands; a password is taken from the environment, since it must not be shown.
fn print_subscribe(broker: &BrokerSettings, named: bool) {
    if named {
        say!("# {}", broker.name);
    }
    if broker.password.is_some() {
        say!("# put the password into MQTT_PASSWORD first");
    }
    say!("{}", subscribe_line(broker));
}

fn subscribe_line(broker: &BrokerSettings) -> String {
    let mut line = format!("mosquitto_sub -h {} -p {}", quoted(&broker.host), broker.port);
    if let Some(user) = &broker.username {
        line += &format!(" -u {}", quoted(user));
    }
    if broker.password.is_some() {
        line += " -P \"$MQTT_PASSWORD\"";
    }
    if let Some(tls) = &broker.tls {
        line += &match &tls.ca_file {
            Some(file) => format!(" --cafile {}", quoted(&file.to_string_lossy())),
            None => " --capath /etc/ssl/certs".to_owned(),
        };
        if let Some((certificate, key)) = &tls.client {
            let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
            line += &format!(" --cert {} --key {}", quoted(&certificate), quoted(&key));
        }
    }
    for layout in &broker.layouts {
        line += &match layout {
            LayoutSettings::Native { prefix, .. } => format!(" -t {}", quoted(&format!("{prefix}/#"))),
            LayoutSettings::Withdrawn { .. } => String::new(),
            LayoutSettings::DsmrReader { prefix, .. } => format!(" -t {}", quoted(&format!("{prefix}/#"))),
        };
    }
    if !broker.status_topic.starts_with(&format!("{}/", prefix(broker))) {
        line += &format!(" -t {}", quoted(&broker.status_topic));
    }
    line + " -v"
}

/// As one word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_stay_words() {
        assert_eq!(quoted("127.0.0.1"), "127.0.0.1");
        assert_eq!(quoted("dsmrd/#"), "'dsmrd/#'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
