//! One `[[mqtt]]` table: what its keys mean together.

use std::path::PathBuf;

use super::keys::Table;
use super::layouts::{self, Around};
use super::raw::Section;
use super::reader::Reader;
use super::report::{Report, why};
use super::secret::Named;
use super::settings::MeterSettings;
use super::topic;
use super::url::BrokerUrl;
use super::value::{Value, quote};
use crate::mqtt::{BrokerSettings, PriceTopic, Secret, TlsSettings};
use crate::prices::{PriceKind, PriceUnit};

/// Resolves one. `all_meters` tells whether `meters` is all of them: with one left out for a problem of its own,
/// a name that is not among them may still be right.
pub(super) fn resolve(
    reader: &mut Reader<'_, '_>,
    hostname: &str,
    meters: &[MeterSettings],
    all_meters: bool,
) -> Option<BrokerSettings> {
    let name = reader.text("name");
    let address = address(reader);
    let enabled = reader.truth("enabled");
    let username = reader.text("username");
    let password = password(reader);
    let client_id = client_id(reader, name.as_deref());
    let keepalive = reader.duration("keepalive");
    if keepalive.is_some_and(|keepalive| keepalive.subsec_millis() != 0) {
        reader.problem("keepalive", "MQTT counts it in whole seconds; write one such as \"30s\"");
    }
    let prefix = reader.text("prefix");
    let qos = reader.integer("qos");
    let cache = reader.duration("cache");
    let status_topic = expanded(reader, "status_topic", prefix.as_deref(), hostname, name.as_deref());
    let prices_topic = expanded(reader, "prices_topic", prefix.as_deref(), hostname, name.as_deref());
    let status_online = reader.text("status_online");
    let status_offline = reader.text("status_offline");
    if status_online.is_some() && status_online == status_offline {
        reader.problem("status_offline", "it says the same as status_online; write two words that differ");
    }
    let around = Around {
        prefix: prefix.as_deref(),
        client_id: client_id.as_deref(),
        status_topic: status_topic.as_deref(),
        status_online: status_online.as_deref(),
        status_offline: status_offline.as_deref(),
        prices_topic: prices_topic.as_deref(),
        meters,
        all_meters,
    };
    let layouts = layouts::resolve(reader, &around);
    let prices = prices(reader, prices_topic);
    let tls = tls_files(reader, address.as_ref().map(|url| url.tls));
    let rate = reader.integer("rate");
    let given = ["password_file", "password"].into_iter().find(|name| reader.is_set(name));
    if let (Some(given), false) = (given, reader.is_set("username")) {
        reader.problem(given, "MQTT knows no password without a user name; write username as well");
    }
    let address = address?;
    let port = address.port.unwrap_or(if address.tls { 8883 } else { 1883 });
    Some(BrokerSettings {
        name: name?,
        enabled: enabled?,
        host: address.host,
        port,
        tls: tls?,
        username,
        password,
        client_id: client_id?,
        keepalive: keepalive?,
        qos: u8::try_from(qos?).ok()?,
        cache: cache?,
        layouts: layouts?,
        prices: prices?,
        status_topic: status_topic?,
        status_online: status_online?,
        status_offline: status_offline?,
        rate: u32::try_from(rate?).ok()?,
    })
}

/// Host, port and whether to speak TLS, from `url` and `tls`.
fn address(reader: &mut Reader<'_, '_>) -> Option<BrokerUrl> {
    let url = reader.broker("url");
    let wanted = reader.truth("tls");
    let mut url = url?;
    if wanted == Some(false) && url.tls {
        reader.problem(
            "tls",
            "the url says TLS and this says none; leave this key out, or write mqtt:// in the url",
        );
    }
    url.tls |= wanted == Some(true);
    url.port = url.port.or(Some(if url.tls { 8883 } else { 1883 }));
    reader.complete("url", &Value::Broker(url.clone()));
    reader.derive("tls", Value::Bool(url.tls));
    Some(url)
}

const PASSWORD: Named =
    Named { inline: "password", file: "password_file", what: "the password", credential: "mqtt-password" };

fn password(reader: &mut Reader<'_, '_>) -> Option<Secret> {
    let inline = reader.secret("password");
    PASSWORD.look(reader);
    if reader.is_set("password_file") {
        return PASSWORD.in_file(reader).map(Secret::new);
    }
    // Its row among what was resolved.
    reader.path("password_file");
    inline
}

fn client_id(reader: &mut Reader<'_, '_>, name: Option<&str>) -> Option<String> {
    let typed = reader.text("client_id");
    if typed.is_some() || reader.is_set("client_id") {
        return typed;
    }
    let fingerprint = fingerprint(reader, name?);
    reader.derive_text("client_id", format!("dsmrd-{fingerprint}"))
}

/// Twelve hex digits that are stable over restarts and versions, unlike on two machines and for two `what`, and without
/// the machine's identity in clear: FNV-1a, 48 bits of it. With six letters in front it makes 18, since brokers need
/// not take client identifiers of more than 23 (MQTT 3.1.1, section 3.1.3.1).
pub(super) fn fingerprint(reader: &Reader<'_, '_>, what: &str) -> String {
    let facts = reader.context.facts;
    let machine =
        if facts.machine_id.trim().is_empty() { facts.hostname.as_str() } else { facts.machine_id.trim() };
    let bytes = machine.bytes().chain([0]).chain(what.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:012x}", (hash ^ (hash >> 48)) & 0xffff_ffff_ffff)
}

/// A topic with its placeholders replaced.
fn expanded(
    reader: &mut Reader<'_, '_>,
    key: &str,
    prefix: Option<&str>,
    hostname: &str,
    name: Option<&str>,
) -> Option<String> {
    let template = reader.text(key)?;
    let short = topic::level(hostname.split('.').next().unwrap_or_default());
    let known = [("prefix", prefix?), ("hostname", short.as_str()), ("name", name?)];
    match topic::expand(&template, &known).and_then(|expanded| topic::name_of_topic(&expanded)) {
        Ok(expanded) => {
            reader.complete(key, &Value::Text(expanded.clone()));
            Some(expanded)
        }
        Err(message) => {
            reader.problem(key, message);
            None
        }
    }
}

/// What the prices are of that come by `topic`. The outer `None` is a problem.
fn prices(reader: &mut Reader<'_, '_>, topic: Option<String>) -> Option<Option<PriceTopic>> {
    const UNIT: &str = "prices_unit";
    if !reader.is_set("prices_topic") {
        for name in ["prices_kind", UNIT] {
            if reader.is_set(name) {
                reader.choice(name);
                reader.warning(name, "without prices_topic no prices come; it is ignored");
            } else {
                reader.derive_nothing(name);
            }
        }
        return Some(None);
    }
    let kind = reader.choice("prices_kind").map(|kind| match kind {
        "gas" => PriceKind::Gas,
        "electricity-export" => PriceKind::ElectricityExport,
        _ => PriceKind::Electricity,
    });
    let gas = kind == Some(PriceKind::Gas);
    // Not told, it is as the table tells: nothing to show here.
    let unit = match reader.is_set(UNIT) {
        true => reader.choice(UNIT),
        false => {
            reader.derive_nothing(UNIT);
            None
        }
    };
    match (gas, unit) {
        (true, Some("kWh" | "MWh")) if kind.is_some() => {
            reader.problem(UNIT, "gas is counted in m³, and what a m³ is in kWh differs; write \"m3\"");
        }
        (false, Some("m3")) if kind.is_some() => {
            reader.problem(UNIT, "electricity is counted in kWh; write \"kWh\" or \"MWh\"");
        }
        _ => {}
    }
    let unit = match unit {
        Some("MWh") => Some(PriceUnit::MegaWattHour),
        Some(_) => Some(PriceUnit::Unit),
        None if reader.is_set(UNIT) => return None,
        None => None,
    };
    Some(Some(PriceTopic { topic: topic?, kind: kind?, unit }))
}

/// The files of TLS, each of which must be there and look like what it should be.
fn tls_files(reader: &mut Reader<'_, '_>, tls: Option<bool>) -> Option<Option<TlsSettings>> {
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
    let ca_file = pem(reader, "ca_file", CERTIFICATE);
    let cert_file = pem(reader, "cert_file", CERTIFICATE);
    let key_file = pem(reader, "key_file", "PRIVATE KEY-----");
    for (one, other) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
        if reader.is_set(one) && !reader.is_set(other) {
            reader.problem(one, format_args!("{other} is missing; write both or neither"));
        }
    }
    if tls == Some(false) {
        for name in ["ca_file", "cert_file", "key_file"] {
            if reader.is_set(name) {
                reader.problem(
                    name,
                    "the connection has no TLS; write mqtts:// in the url, or leave this key out",
                );
            }
        }
    }
    Some(tls?.then(|| TlsSettings { ca_file, client: cert_file.zip(key_file) }))
}

fn pem(reader: &mut Reader<'_, '_>, name: &str, mark: &str) -> Option<PathBuf> {
    let path = reader.path(name)?;
    let shown = path.display();
    match reader.context.facts.files.read(&path) {
        Err(error) => reader.problem(
            name,
            format_args!("cannot read {shown}: {}; name a PEM file that is there", why(&error)),
        ),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            if text.contains("ENCRYPTED") && name == "key_file" {
                reader
                    .problem(name, format_args!("the key in {shown} has a passphrase; write it without one"));
            } else if !text.contains(mark) {
                reader.problem(
                    name,
                    format_args!("{shown} has no {}; name a PEM file that has one", what(name)),
                );
            }
        }
    }
    Some(path)
}

fn what(name: &str) -> &'static str {
    if name == "key_file" { "private key" } else { "certificate" }
}

/// Two clients with one name throw each other out for ever.
pub(super) fn same_client(sections: &[Section], brokers: &[Option<BrokerSettings>], report: &mut Report) {
    let sections: Vec<&Section> = sections.iter().filter(|section| section.table == Table::Mqtt).collect();
    for (index, broker) in brokers.iter().enumerate() {
        let Some(broker) = broker else { continue };
        let same_server = |other: &&BrokerSettings| {
            other.host.eq_ignore_ascii_case(&broker.host) && other.port == broker.port
        };
        for earlier in brokers[..index].iter().flatten().filter(same_server) {
            let origin =
                |name| sections[index].entry(name).map_or(&sections[index].origin, |entry| &entry.origin);
            if earlier.client_id == broker.client_id {
                let message = format!(
                    "{} is the client of {} on the same server already; each needs its own",
                    quote(&broker.client_id),
                    quote(&earlier.name)
                );
                report.problem(origin("client_id"), &format!("mqtt[{index}].client_id"), message);
            } else if earlier.status_topic == broker.status_topic {
                let message = format!(
                    "{} has the same topic on the same server; one hides the other",
                    quote(&earlier.name)
                );
                report.warning(origin("status_topic"), &format!("mqtt[{index}].status_topic"), message);
            }
        }
    }
}
