//! Sources and brokers as they are typed, and how they are printed.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use super::value::quote;
use crate::source::SourceUrl;

/// The seed of `simulate:` alone.
const DEFAULT_SEED: u64 = 1;

/// Where a broker listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrokerUrl {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) tls: bool,
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}", bracketed(&self.host))?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Reads `mqtt://host:port` and its relatives. Nothing of a url with a password in it is repeated.
pub(super) fn parse_broker(text: &str) -> Result<BrokerUrl, String> {
    const RIGHT: &str = "write mqtt://host:port, or mqtts://host:port for TLS";
    let Some((scheme, rest)) = text.split_once("://") else {
        let shown = if text.contains('@') { "the url".to_owned() } else { quote(text) };
        return Err(format!("{shown} has no scheme; {RIGHT}"));
    };
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "mqtt" | "tcp" => false,
        "mqtts" | "ssl" | "tls" => true,
        _ => {
            return Err(format!(
                "unknown scheme {}; there are mqtt and tcp, and mqtts, ssl and tls for TLS",
                quote(scheme)
            ));
        }
    };
    if rest.contains('@') {
        return Err(
            "a url cannot hold user name and password; write them as username and password_file".to_owned()
        );
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = host_and_port(rest).map_err(|why| format!("{} {why}; {RIGHT}", quote(text)))?;
    Ok(BrokerUrl { host, port, tls })
}

/// Where a share listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListenAt {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for ListenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

impl ListenAt {
    /// Whether it is every address of the machine.
    fn is_everywhere(&self) -> bool {
        matches!(self.host.parse(), Ok(address) if IpAddr::is_unspecified(&address))
    }

    /// Whether both cannot be listened at.
    pub(super) fn collides(&self, other: &Self) -> bool {
        let same = self.host.eq_ignore_ascii_case(&other.host);
        self.port == other.port && (same || self.is_everywhere() || other.is_everywhere())
    }

    /// Whether a client that connects to `host` and `port` ends up here, as far as their names tell.
    pub(super) fn answers(&self, host: &str, port: u16, hostname: &str) -> bool {
        let short = hostname.split('.').next().unwrap_or_default();
        let loops = |host: &str| matches!(host.parse(), Ok(address) if IpAddr::is_loopback(&address));
        let local = |host: &str| {
            loops(host) || ["localhost", hostname, short].iter().any(|own| own.eq_ignore_ascii_case(host))
        };
        let same = self.host.eq_ignore_ascii_case(host) || (local(&self.host) && local(host));
        self.port == port && (same || (self.is_everywhere() && local(host)))
    }
}

/// Reads where a share listens.
pub(super) fn parse_listen(text: &str) -> Result<ListenAt, String> {
    const RIGHT: &str = "write an address with its port, such as \"0.0.0.0:2323\" or \"[::]:2323\"";
    let text = text.trim();
    let plain = text.strip_prefix("tcp://").unwrap_or(text);
    if !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{} is a port alone; {RIGHT}", quote(text)));
    }
    let (host, port) = host_and_port(plain).map_err(|why| format!("{} {why}; {RIGHT}", quote(text)))?;
    let port = port.ok_or_else(|| format!("{} has no port; {RIGHT}", quote(text)))?;
    Ok(ListenAt { host, port })
}

/// Reads a meter's source.
pub(super) fn parse_source(text: &str, folder: &Path) -> Result<SourceUrl, String> {
    const RIGHT: &str =
        "write a serial port such as /dev/ttyUSB0, tcp://host:port, file:///path, - or simulate:";
    if text == "-" {
        return Ok(SourceUrl::Stdin);
    }
    if text.is_empty() || text.contains('\0') {
        return Err(format!("it is not a source; {RIGHT}"));
    }
    if let Some(rest) = text.strip_prefix("tcp://") {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) =
            host_and_port(rest).map_err(|why| format!("{} {why}; write tcp://host:port", quote(text)))?;
        let port = port.ok_or_else(|| format!("{} has no port; write tcp://host:port", quote(text)))?;
        return Ok(SourceUrl::Tcp { host, port });
    }
    if let Some(rest) = text.strip_prefix("file:") {
        let path = match rest.strip_prefix("//") {
            Some(path) if !path.starts_with('/') => {
                return Err(format!("{} names a host; write file:///path, with three slashes", quote(text)));
            }
            Some(path) => path,
            None => rest,
        };
        if path.is_empty() {
            return Err(format!("{} has no path; write file:///path", quote(text)));
        }
        return Ok(SourceUrl::File(folder.join(path)));
    }
    if let Some(seed) = text.strip_prefix("simulate:") {
        let seed = if seed.is_empty() { Ok(DEFAULT_SEED) } else { seed.parse() };
        let seed = seed.map_err(|_| {
            format!("{} has no number behind it; write simulate:7, or simulate:", quote(text))
        })?;
        return Ok(SourceUrl::Simulate { seed });
    }
    match text.split_once("://") {
        Some((scheme, _)) => Err(format!("unknown scheme {}; {RIGHT}", quote(scheme))),
        None if text == "simulate" => Err(format!("{} lacks its colon; write simulate:", quote(text))),
        None => Ok(SourceUrl::Serial(folder.join(text))),
    }
}

/// A source as it would be typed.
pub(super) fn print_source(url: &SourceUrl) -> String {
    match url {
        SourceUrl::Serial(path) => path.to_string_lossy().into_owned(),
        SourceUrl::Tcp { host, port } => format!("tcp://{}:{port}", bracketed(host)),
        SourceUrl::File(path) if path.is_absolute() => format!("file://{}", path.to_string_lossy()),
        SourceUrl::File(path) => format!("file:{}", path.to_string_lossy()),
        SourceUrl::Stdin => "-".to_owned(),
        SourceUrl::Simulate { seed } => format!("simulate:{seed}"),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`. The error completes "this url …".
fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("has no closing bracket")?;
        let address = host.split_once('%').map_or(host, |(address, _zone)| address);
        address.parse::<Ipv6Addr>().map_err(|_| "has no IPv6 address in its brackets")?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err("has something behind its brackets that is no port".to_owned()),
        }
    } else if text.parse::<Ipv6Addr>().is_ok() {
        return Err("has an IPv6 address without brackets".to_owned());
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        if host.is_empty() {
            return Err("has no host".to_owned());
        }
        if host.len() > 253 || !host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
            return Err("has a host that is no name and no address".to_owned());
        }
        (host, port)
    };
    let digits = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) if port > 0 && digits => Some(port),
        Some(_) => return Err("has a port that is no number from 1 to 65535".to_owned()),
    };
    Ok((host.to_owned(), port))
}
