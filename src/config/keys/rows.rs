//! The keys, in the order of the sample.

use std::time::Duration;

use super::Kind::{
    Bool, Broker, Choice, Choices, Command, Currency, Day, Integer, Listen, Mappings, MeterKey, Name, Path,
    Percent, Prefix, Price, Secret, Source, Text, TimeOfDay, TimeZone, Topic,
};
use super::Table::{Backup, Contract, Log, Meter, Mqtt, Prices, Process, Share, Store};
use super::Unset::{Derived, Nothing, Required, Value};
use super::{
    COUNTRIES, DYNAMIC, ENCRYPTED, FORMATS, Key, Kind, LAYOUTS, LEVELS, LINES, PAYLOADS, PRICE_KINDS,
    PRICE_UNITS, Table, Unset,
};

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
    key(Store, "sync_interval", seconds(0, 3600), Value(r#""4m""#), r#""1m""#,
        "What a power cut can cost, of one-second detail and never of energy: readings are forced onto the medium this \
         often. On ext4 four minutes come to 10 MB a day, and one minute to 31. \
         0s does so for every reading and wears an SD card."),

    key(Store, "tail", Path, Derived("/run/dsmrd where it is there, else /dev/shm."), r#""/run/user/1000""#,
        "A folder in memory (tmpfs) for the readings between two syncs: nothing is lost when dsmrd dies, and an SD card \
         is not written to every second, which would cost it some 200 MB a day. Where no such folder can be used the \
         log says so and the card takes them."),
    key(Store, "raw_days", Integer(1, 36_500), Nothing, "365",
        "Readings older than so many days are given up for what they come to by the minute: mean, least, most and last of \
         everything. Hours and longer, and all totals, stay as they were to the digit. Without it readings are kept for \
         ever, in some 130 MB a year."),
    key(Store, "minute_days", Integer(1, 36_500), Nothing, "1825",
        "Minutes older than so many days are given up for quarter-hours. It needs raw_days, and is more."),

    key(Backup, "folder", Path, Nothing, r#""/mnt/backup/dsmrd""#,
        "Where the backups go; without it none are made. The folder must be there: dsmrd does not make it, since it may \
         be that of a disk that is not mounted. A backup is called as the database, the machine and the time in UTC: \
         dsmrd-attic-20261121T040000Z.sqlite.gz. Nothing else in the folder is ever touched."),
    key(Backup, "at", TimeOfDay, Value(r#""04:00""#), r#""02:30""#,
        "The time of the day, in the first meter's time zone. A backup that was missed is made soon after the next start, \
         and so is the first; one that failed is tried again after an hour."),
    key(Backup, "every", Integer(1, 366), Value("1"), "7",
        "Every so many days."),
    key(Backup, "keep_daily", Integer(1, 1000), Value("7"), "14",
        "How many stay: the last one of each of so many days. The newest always stays, and an older one is deleted only \
         after a newer one was found to be good."),
    key(Backup, "keep_weekly", Integer(0, 1000), Value("4"), "8",
        "And the last one of each of so many weeks."),
    key(Backup, "keep_monthly", Integer(0, 1000), Value("3"), "12",
        "And the last one of each of so many months."),
    key(Backup, "command", Command, Nothing, r#"["rclone", "copyto", "{file}", "remote:dsmrd/{name}"]"#,
        "A program that copies each backup elsewhere, with its arguments; no shell is involved. {file} stands for the \
         backup's path, {name} for its name. It runs as dsmrd's user, without the variables of dsmrd. What it prints goes \
         to the log, its arguments do not. When it fails it is tried again after an hour."),
    key(Backup, "command_timeout", seconds(1, DAY), Value(r#""1h""#), r#""10m""#,
        "How long the program may take before it is ended."),

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
    key(Mqtt, "discovery", Bool, Value("true"), "false",
        "Whether Home Assistant learns of the topics of the layout dsmrd, so that it makes devices and entities of them \
         by itself. false removes what it learnt."),
    key(Mqtt, "discovery_prefix", Prefix, Value(r#""homeassistant""#), r#""ha""#,
        "What the topics of Home Assistant's discovery begin with, and the one on which it tells that it started. \
         It is as Home Assistant has it under discovery prefix."),
    key(Mqtt, "dsmr_reader_meter", Name, Derived("The first meter."), r#""home""#,
        "Which meter the layout dsmr-reader shows; it has room for one."),
    key(Mqtt, "dsmr_reader_prefix", Prefix, Value(r#""dsmr""#), r#""meter/dsmr""#,
        "What the topics of the layout dsmr-reader begin with. Home Assistant's integration of DSMR-reader listens to dsmr \
         alone."),
    key(Mqtt, "dsmr_reader_mapping", Mappings, Nothing, r#"["reading/id = house/reading", "json#timestamp = time"]"#,
        "Fields of the layout dsmr-reader under other names, or left out. \"FIELD = NAME\": FIELD is a topic of the \
         layout without its prefix, NAME the whole topic in its place. A key of a JSON topic stands behind a #, and NAME \
         is the key in its place. \"FIELD =\" leaves it out."),
    key(Mqtt, "status_topic", Topic, Value(r#""{prefix}/status""#), r#""clients/dsmrd/{hostname}""#,
        "Where we tell whether we live. {prefix} stands for the key above, {hostname} for the machine's short name, \
         {name} for the broker's name."),
    key(Mqtt, "status_online", Text, Value(r#""online""#), r#""up""#,
        "What it says while we live."),
    key(Mqtt, "status_offline", Text, Value(r#""offline""#), r#""down""#,
        "What it says when we stopped or died."),
    key(Mqtt, "prices_topic", Topic, Nothing, r#""energy/prices""#,
        "A topic on which somebody publishes dynamic prices: tables such as dsmrd prices import takes, \
         of at most 1 MiB; times without an offset are those of the meter's time zone. It may have the placeholders of status_topic."),
    key(Mqtt, "prices_kind", Choice(PRICE_KINDS), Value(r#""electricity""#), r#""gas""#,
        "What the prices of prices_topic are of: electricity is the market's price, electricity-export one of its own for \
         what is given."),
    key(Mqtt, "prices_unit", Choice(PRICE_UNITS), Derived("As the table tells, and else kWh, of gas m3."), r#""MWh""#,
        "What they are a price of. A table that tells otherwise is refused."),
    key(Mqtt, "ca_file", Path, Nothing, r#""/etc/dsmrd/ca.pem""#,
        "The authority that signed the broker's certificate, as PEM. Without it the system's own authorities count."),
    key(Mqtt, "cert_file", Path, Nothing, r#""/etc/dsmrd/client.pem""#,
        "Our own certificate as PEM, if the broker wants one; key_file goes with it."),
    key(Mqtt, "key_file", Path, Nothing, r#""/etc/dsmrd/client.key""#,
        "The key of our own certificate as PEM, without a passphrase."),
    key(Mqtt, "rate", Integer(1, 100_000), Value("1000"), "200",
        "The most messages a second. Catching up after an outage is paced by it."),

    key(Prices, "currency", Currency, Value(r#""EUR""#), r#""SEK""#,
        "The currency of every price and cost, by its code in ISO 4217."),

    key(Contract, "name", Text, Required, r#""Stroom en gas 2026""#,
        "A name for the contract. It must be unlike that of every other contract."),
    key(Contract, "meter", Name, Derived("Every meter."), r#""home""#,
        "The meter it is for."),
    key(Contract, "start", Day, Required, r#""2026-01-01""#,
        "The first day on which it holds. Days are those of the meter's time zone."),
    key(Contract, "end", Day, Derived("None, it goes on."), r#""2027-01-01""#,
        "The first day on which it no longer holds; another contract can start on it."),
    key(Contract, "import", Price(true), Nothing, "0.2574",
        "A kWh that is taken, whatever the tariff. With dynamic it counts for times of which no price is known."),
    key(Contract, "import_t1", Price(true), Nothing, "0.2412",
        "A kWh taken at tariff 1, in front of import. Tariff 1 is the low one in the Netherlands and the high one in \
         Belgium."),
    key(Contract, "import_t2", Price(true), Nothing, "0.2631",
        "A kWh taken at tariff 2."),
    key(Contract, "import_t3", Price(true), Nothing, "0.2850",
        "A kWh taken at tariff 3."),
    key(Contract, "import_t4", Price(true), Nothing, "0.3010",
        "A kWh taken at tariff 4."),
    key(Contract, "export", Price(true), Nothing, "0.0550",
        "What one earns for a kWh that is given, whatever the tariff. Below zero one pays. Where a kWh given is set off \
         against one taken (salderen), it is the price of import."),
    key(Contract, "export_t1", Price(true), Nothing, "0.0510",
        "What one earns for a kWh given at tariff 1, in front of export."),
    key(Contract, "export_t2", Price(true), Nothing, "0.0590",
        "What one earns for a kWh given at tariff 2."),
    key(Contract, "export_t3", Price(true), Nothing, "0.0620",
        "What one earns for a kWh given at tariff 3."),
    key(Contract, "export_t4", Price(true), Nothing, "0.0640",
        "What one earns for a kWh given at tariff 4."),
    key(Contract, "gas", Price(true), Nothing, "1.2795",
        "A m³ of gas."),
    key(Contract, "water", Price(true), Nothing, "1.05",
        "A m³ of water."),
    key(Contract, "warm_water", Price(true), Nothing, "9.16",
        "A m³ of warm water."),
    key(Contract, "heat", Price(true), Nothing, "43.79",
        "A GJ of heat."),
    key(Contract, "cooling", Price(true), Nothing, "21.90",
        "A GJ of cooling."),
    key(Contract, "fixed", Price(true), Value("0"), "0.6841",
        "A day, whatever is used: what the supplier and the grid company take, less what is given back. It may be below \
         zero."),
    key(Contract, "feed_in", Price(true), Value("0"), "0.0150",
        "What one pays for each kWh that is given, apart from what it earns."),
    key(Contract, "capacity", Price(false), Nothing, "51.92",
        "A kW a year of the mean of the last twelve months' peaks: Belgium's capacity tariff."),
    key(Contract, "capacity_minimum", Price(false), Value("2.5"), "3",
        "The least that a month's peak counts, in kW."),
    key(Contract, "dynamic", Choices(DYNAMIC), Nothing, r#"["import", "export"]"#,
        "What follows the market, by the hour or quarter-hour: import what is taken, export what is given, gas the gas. \
         Prices come by dsmrd prices import or by prices_topic. A kWh, or a m³ of gas, is (market + markup) × (1 + vat). \
         What the list lacks, and times of which no price is known, have the fixed price. Where prices of the kind \
         electricity-export come, they are what export earns, as they are."),
    key(Contract, "dynamic_markup_import", Price(true), Value("0"), "0.12599",
        "Added to the market's price of a kWh that is taken, before vat: energy tax and what the supplier takes."),
    key(Contract, "dynamic_markup_export", Price(true), Value("0"), "-0.0150",
        "Added to the market's price of a kWh that is given, before vat: below zero for what the supplier keeps, above \
         where tax is given back."),
    key(Contract, "dynamic_markup_gas", Price(true), Value("0"), "0.66000",
        "Added to the market's price of a m³ of gas, before vat: energy tax and what the supplier takes."),
    key(Contract, "dynamic_vat", Percent, Value(r#""0%""#), r#""21%""#,
        "The value-added tax on the market's price with its markup. 0% is right when the table has it in its prices."),
    key(Contract, "dynamic_vat_export", Percent, Derived("That of dynamic_vat."), r#""0%""#,
        "The same for what is given. Outside the Netherlands a household is paid without tax as a rule: that is 0%."),

    key(Log, "level", Choice(LEVELS), Value(r#""info""#), r#""debug""#,
        "How much is logged."),
    key(Log, "format", Choice(FORMATS), Value(r#""text""#), r#""json""#,
        "How a line looks: text for people, json for programs."),

    key(Process, "watchdog", seconds(5, 3600), Value(r#""60s""#), r#""2m""#,
        "How long a task may hang before the process ends itself, so that the supervisor starts it again."),
    key(Process, "hostname", Text, Derived("The machine's own."), r#""attic.example.net""#,
        "The machine's name. Its first part replaces {hostname}."),
];
