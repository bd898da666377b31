//! Every key of the configuration, once: what it means, what it takes, what it is when it is not set.
//!
//! Reading the file, the names of the environment variables, the sample, `config show`, the help and
//! the man page `dsmrd.toml(5)` all follow [`KEYS`]. A new key is one row here and one line where
//! [`mod@super::resolve`] uses it.

use std::time::Duration;

use Kind::{
    Bool, Broker, Choice, Choices, Integer, Listen, MeterKey, Name, Path, Prefix, Secret, Source, Text,
    TimeZone, Topic,
};
use Table::{Log, Meter, Mqtt, Process, Share, Store};
use Unset::{Derived, Nothing, Required, Value};

use crate::meter::Country;

/// A table of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// `[[meter]]`, one for each meter.
    Meter,
    /// `[meter.share]`, one below each `[[meter]]`.
    Share,
    /// `[store]`.
    Store,
    /// `[[mqtt]]`, one for each broker.
    Mqtt,
    /// `[log]`.
    Log,
    /// `[process]`.
    Process,
}

impl Table {
    /// In the order of the sample.
    pub const ALL: [Self; 6] = [Self::Meter, Self::Share, Self::Store, Self::Mqtt, Self::Log, Self::Process];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meter => "meter",
            Self::Share => "share",
            Self::Store => "store",
            Self::Mqtt => "mqtt",
            Self::Log => "log",
            Self::Process => "process",
        }
    }

    /// The table it stands in, which has one of it each time.
    pub fn parent(self) -> Option<Self> {
        (self == Self::Share).then_some(Self::Meter)
    }

    /// The table that stands in it.
    pub fn child(self) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.parent() == Some(self))
    }

    /// Whether the file may have several of it, told apart by an index: its own, or that of its parent.
    pub fn repeated(self) -> bool {
        matches!(self, Self::Meter | Self::Share | Self::Mqtt)
    }

    /// Its line in the file.
    pub fn header(self) -> String {
        match self.parent() {
            Some(parent) => format!("[{}.{}]", parent.name(), self.name()),
            None if self.repeated() => format!("[[{}]]", self.name()),
            None => format!("[{}]", self.name()),
        }
    }

    /// What stands in front of its keys for people: `store`, `mqtt[1]`, `meter[0].share`.
    pub fn path(self, index: Option<usize>) -> String {
        let place = |table: Self| match index {
            Some(index) => format!("{}[{index}]", table.name()),
            None => table.name().to_owned(),
        };
        match self.parent() {
            Some(parent) => format!("{}.{}", place(parent), self.name()),
            None => place(self),
        }
    }

    /// What it is for, in plain sentences.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Meter => "A meter. Repeat the table for each further one.",
            Self::Share => {
                "The telegrams of the meter above for other readers (Home Assistant, evcc, DSMR-reader), over TCP, as \
                 ser2net would send them. It stands below the [[meter]] that it belongs to."
            }
            Self::Store => "The record: every reading is kept in SQLite.",
            Self::Mqtt => {
                "A broker to publish to. Repeat the table for each further one; without any, nothing is published."
            }
            Self::Log => "The log, on standard error.",
            Self::Process => "The process itself.",
        }
    }

    /// Its keys.
    pub fn keys(self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(move |key| key.table == self)
    }
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One level of a topic.
    Name,
    /// Text that is not empty.
    Text,
    /// Text that is never shown.
    Secret,
    /// A key of 128 bits in hex digits; it is never shown.
    MeterKey,
    /// Where to listen: an address and a port.
    Listen,
    /// A path, relative to the file.
    Path,
    /// A length of time between the two, whole milliseconds.
    Duration(Duration, Duration),
    /// A whole number between the two.
    Integer(u64, u64),
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of some of these words.
    Choices(&'static [&'static str]),
    /// Where telegrams come from.
    Source,
    /// Where a broker listens.
    Broker,
    /// A name of the IANA time zone database.
    TimeZone,
    /// What topics begin with.
    Prefix,
    /// A topic that may have placeholders in braces.
    Topic,
}

/// What a key is when it is not set.
#[derive(Clone, Copy, Debug)]
pub enum Unset {
    /// It must be set.
    Required,
    /// This, as the file would have it.
    Value(&'static str),
    /// Made from the rest, as the sentence says.
    Derived(&'static str),
    /// Nothing.
    Nothing,
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// The table it stands in.
    pub table: Table,
    /// Its name in the file.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is when it is not set.
    pub unset: Unset,
    /// A believable value that is not the default, as the file would have it.
    pub example: &'static str,
    /// What it means, in plain sentences.
    pub doc: &'static str,
}

impl Key {
    /// Its path for people: `store.path`, or `mqtt[1].url` for the second broker.
    pub fn path(&self, index: Option<usize>) -> String {
        format!("{}.{}", self.table.path(index), self.name)
    }

    /// The environment variable that overrides it: `DSMRD_STORE_PATH`, `DSMRD_MQTT_1_URL`,
    /// `DSMRD_METER_0_SHARE_LISTEN`.
    pub fn variable(&self, index: Option<usize>) -> String {
        let place = self.table.path(index).replace(['[', '.'], "_").replace(']', "");
        format!("DSMRD_{place}_{}", self.name).to_uppercase()
    }
}

/// The key of a table by its name.
pub fn find(table: Table, name: &str) -> Option<&'static Key> {
    table.keys().find(|key| key.name == name)
}

/// Line settings by their names in the file, `auto` first.
pub const LINES: &[&str] = &["auto", "115200 8N1", "9600 7E1", "115200 7E1", "115200 8E1"];
/// Countries by their names in the file, `auto` first.
pub const COUNTRIES: &[&str] = &{
    let mut words = ["auto"; Country::ALL.len() + 1];
    let mut at = 0;
    while at < Country::ALL.len() {
        words[at + 1] = Country::ALL[at].code();
        at += 1;
    }
    words
};
/// What a share sends of encrypted telegrams, by the names in the file.
pub const ENCRYPTED: &[&str] = &["decrypted", "untouched"];
/// Layouts by their names in the file.
pub const LAYOUTS: &[&str] = &["dsmrd", "dsmr-reader"];
/// Payload formats by their names in the file.
pub const PAYLOADS: &[&str] = &["value", "value-timestamp", "json"];
/// Log levels by their names in the file.
pub const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
/// Log formats by their names in the file.
pub const FORMATS: &[&str] = &["text", "json"];

const fn seconds(from: u64, to: u64) -> Kind {
    Kind::Duration(Duration::from_secs(from), Duration::from_secs(to))
}

const DAY: u64 = 86_400;

const fn key(
    table: Table,
    name: &'static str,
    kind: Kind,
    unset: Unset,
    example: &'static str,
    doc: &'static str,
) -> Key {
    Key { table, name, kind, unset, example, doc }
}

/// Every key, in the order of the sample.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key(Meter, "name", Name, Required, r#""home""#,
        "The meter's name. It is one level of its topics and must be unlike that of every other meter."),
    key(Meter, "source", Source, Required, r#""/dev/serial/by-id/usb-FTDI_P1-if00-port0""#,
        "Where its telegrams come from: a serial port (the names under /dev/serial/by-id stay the same over restarts), \
         tcp://host:port, file:///path for a recording, - for a recording on standard input, \
         simulate: or simulate:SEED for the simulated meter."),
    key(Meter, "line", Choice(LINES), Value(r#""auto""#), r#""9600 7E1""#,
        "The setting of a serial line. auto tries each in turn until telegrams verify. \
         DSMR 4 and 5 and most of Europe have 115200 8N1, DSMR 2.2 and 3.0 have 9600 7E1, some meters of Slovenia \
         115200 7E1 and of Denmark 115200 8E1."),
    key(Meter, "max_telegram", Integer(512, 1_048_576), Value("8192"), "16384",
        "The largest telegram that is accepted, in bytes."),
    key(Meter, "silence", seconds(1, DAY), Value(r#""20s""#), r#""1m""#,
        "The shortest silence that means trouble: it is reported, and the source is opened again. \
         Three times the meter's own interval counts instead when that is longer. Before the interval is known \
         it may be up to 80s until the first telegram, and up to 180s until the second."),
    key(Meter, "country", Choice(COUNTRIES), Value(r#""auto""#), r#""be""#,
        "Whose rules the meter follows, where countries use one object differently. auto goes by the objects it \
         sends. Some tell nothing, and a Finnish meter looks like a Swedish one: there the country must be set."),
    key(Meter, "timezone", TimeZone, Derived("That of the country."), r#""Europe/Brussels""#,
        "The meter's time zone. It gives the summer and winter marks of telegrams their meaning."),
    key(Meter, "key_file", Path, Nothing, r#""/etc/dsmrd/meter.key""#,
        "The meter's own key, where its telegrams are encrypted (Luxembourg; Austria, there called GUEK): \
         a file with the 32 hex digits and nothing else. Spaces, colons and hyphens between them do no harm, nor does \
         a line end. credential:NAME takes the file NAME of systemd's credentials. The grid company hands the key out."),
    key(Meter, "key", MeterKey, Nothing, r#""0123 4567 89AB CDEF 0123 4567 89AB CDEF""#,
        "The key itself, where a file of its own will not do. The configuration must then be unreadable for others."),
    key(Meter, "auth_key_file", Path, Nothing, r#""/etc/dsmrd/meter.authkey""#,
        "The authentication key, in a file alike. Luxembourg's meters all have the same, which counts when none is set; \
         in Austria each has its own, there called GAK."),
    key(Meter, "auth_key", MeterKey, Nothing, r#""89AB CDEF 0123 4567 89AB CDEF 0123 4567""#,
        "The authentication key itself, where a file of its own will not do."),
    key(Meter, "allow_unverified_tag", Bool, Value("false"), "true",
        "true accepts an encrypted telegram whose authentication tag is missing or wrong, when the CRC within it is \
         right: some meters compute the tag in a way of their own. Such readings say unauthenticated in the topic proof, \
         in dsmrd decode and in dsmrd export, since nothing proves that the meter sent them."),
    key(Meter, "clock_tolerance", seconds(0, 366 * DAY), Value(r#""0s""#), r#""1h""#,
        "How far the meter's clock may be from this machine's before the time of arrival counts instead. \
         0s believes the meter whatever it says: a Raspberry Pi has no clock that a battery keeps, and until the \
         network has set its own, the meter's is the better one."),

    key(Share, "listen", Listen, Nothing, r#""0.0.0.0:2323""#,
        "Where to listen: an address of this machine and a port. 0.0.0.0 is every address of IPv4, [::] of both IPv4 and \
         IPv6, 127.0.0.1 keeps the telegrams within this machine. There is no password: who reaches the port can read \
         the meter."),
    key(Share, "encrypted", Choice(ENCRYPTED), Value(r#""decrypted""#), r#""untouched""#,
        "What is sent of an encrypted telegram: decrypted sends the telegram within, for readers that have no key; \
         untouched sends the frame as the meter did."),

    key(Store, "path", Path, Value(r#""/var/lib/dsmrd/dsmrd.sqlite""#), r#""/srv/dsmrd/dsmrd.sqlite""#,
        "The SQLite file. The journal lies beside it."),
    key(Store, "sync_interval", seconds(0, 3600), Value(r#""60s""#), r#""10s""#,
        "What a power cut can cost: the journal is forced onto the medium this often. \
         0s does so for every reading and wears an SD card."),

    key(Mqtt, "name", Name, Required, r#""local""#,
        "A name for the broker, for the log and for commands. It must be unlike that of every other broker."),
    key(Mqtt, "url", Broker, Value(r#""mqtt://localhost""#), r#""mqtts://broker.example.net""#,
        "Where the broker listens: mqtt://host:port, or mqtts://host:port for TLS. \
         Without a port it is 1883, with TLS 8883. IPv6 addresses stand in brackets."),
    key(Mqtt, "tls", Bool, Derived("Whether the url says so."), "true",
        "Whether to speak TLS. mqtts:// in the url says the same."),
    key(Mqtt, "enabled", Bool, Value("true"), "false",
        "false keeps the table but opens no connection."),
    key(Mqtt, "username", Text, Nothing, r#""meter""#,
        "The user name, if the broker wants one."),
    key(Mqtt, "password_file", Path, Nothing, r#""/etc/dsmrd/mqtt.password""#,
        "A file that holds the password and nothing else; a line end behind it does no harm. \
         credential:NAME takes the file NAME of systemd's credentials."),
    key(Mqtt, "password", Secret, Nothing, r#""correct horse battery staple""#,
        "The password itself, where a file of its own will not do. The configuration must then be unreadable for others."),
    key(Mqtt, "client_id", Text, Derived("dsmrd- and twelve digits made from the machine's identity and the broker's name."),
        r#""dsmrd-attic""#,
        "How we call ourselves to the broker. No two clients of one broker may have the same."),
    key(Mqtt, "keepalive", seconds(1, 65_535), Value(r#""30s""#), r#""10s""#,
        "How soon a dead connection is noticed, by us and by the broker; whole seconds."),
    key(Mqtt, "layouts", Choices(LAYOUTS), Value(r#"["dsmrd"]"#), r#"["dsmrd", "dsmr-reader"]"#,
        "Which topics are published: dsmrd has our own, dsmr-reader those of DSMR-reader."),
    key(Mqtt, "qos", Integer(0, 2), Value("1"), "2",
        "The quality of service: 0 at most once, 1 at least once, 2 exactly once. 0 loses messages when a connection breaks."),
    key(Mqtt, "cache", seconds(0, 30 * DAY), Value(r#""1h""#), r#""10m""#,
        "How long a value that did not change is not sent again. 0s sends every value."),
    key(Mqtt, "prefix", Prefix, Value(r#""dsmrd""#), r#""house/energy""#,
        "What the topics of the layout dsmrd begin with. It may have several levels."),
    key(Mqtt, "payload", Choice(PAYLOADS), Value(r#""value""#), r#""json""#,
        "How the layout dsmrd writes a value: value is the number alone, value-timestamp the number and the Unix time \
         of the telegram, json an object with value, unit and time."),
    key(Mqtt, "dsmr_reader_meter", Name, Derived("The first meter."), r#""home""#,
        "Which meter the layout dsmr-reader shows; it has room for one."),
    key(Mqtt, "status_topic", Topic, Value(r#""{prefix}/status""#), r#""clients/dsmrd/{hostname}""#,
        "Where we tell whether we live. {prefix} stands for the key above, {hostname} for the machine's short name, \
         {name} for the broker's name."),
    key(Mqtt, "status_online", Text, Value(r#""online""#), r#""up""#,
        "What it says while we live."),
    key(Mqtt, "status_offline", Text, Value(r#""offline""#), r#""down""#,
        "What it says when we stopped or died."),
    key(Mqtt, "ca_file", Path, Nothing, r#""/etc/dsmrd/ca.pem""#,
        "The authority that signed the broker's certificate, as PEM. Without it the system's own authorities count."),
    key(Mqtt, "cert_file", Path, Nothing, r#""/etc/dsmrd/client.pem""#,
        "Our own certificate as PEM, if the broker wants one; key_file goes with it."),
    key(Mqtt, "key_file", Path, Nothing, r#""/etc/dsmrd/client.key""#,
        "The key of our own certificate as PEM, without a passphrase."),
    key(Mqtt, "rate", Integer(1, 100_000), Value("1000"), "200",
        "The most messages a second. Catching up after an outage is paced by it."),

    key(Log, "level", Choice(LEVELS), Value(r#""info""#), r#""debug""#,
        "How much is logged."),
    key(Log, "format", Choice(FORMATS), Value(r#""text""#), r#""json""#,
        "How a line looks: text for people, json for programs."),

    key(Process, "watchdog", seconds(5, 3600), Value(r#""60s""#), r#""2m""#,
        "How long a task may hang before the process ends itself, so that the supervisor starts it again."),
    key(Process, "hostname", Text, Derived("The machine's own."), r#""attic.example.net""#,
        "The machine's name. Its first part replaces {hostname}."),
];
