//! The tables of the house. A line added here is a decision; ARCHITECTURE.rst says what they protect.

/// Which sibling modules each module of the library may import. `cli` and `main` are the binary and see all.
pub(super) const MODULES: &[(&str, &[&str])] = &[
    ("p1", &[]),
    ("meter", &["p1"]),
    ("prices", &["p1", "meter"]),
    ("totals", &["p1", "meter", "prices"]),
    // Of the clock the type of its milliseconds only; see `WORLD`. Of telemetry the struct of the record's health.
    ("publish", &["p1", "meter", "prices", "totals", "clock", "telemetry"]),
    ("clock", &["meter"]),
    // The log stamps its lines, and a panic ends the process with a code.
    ("telemetry", &["clock", "exit"]),
    ("exit", &[]),
    ("feed", &["meter", "totals", "telemetry"]),
    ("source", &["p1", "meter", "clock", "telemetry", "feed"]),
    ("store", &["p1", "meter", "prices", "totals", "clock", "telemetry", "feed"]),
    ("mqtt", &["p1", "meter", "prices", "totals", "publish", "clock", "telemetry", "feed"]),
    ("export", &["p1", "meter", "store", "clock"]),
    ("import", &["p1", "meter", "prices", "totals", "store", "clock", "feed", "telemetry"]),
    // The settings types of the parts, and the register table for the names that may stand in a file.
    ("config", &["p1", "meter", "prices", "publish", "source", "store", "mqtt"]),
    (
        "app",
        &[
            "p1",
            "meter",
            "prices",
            "totals",
            "publish",
            "clock",
            "telemetry",
            "exit",
            "feed",
            "source",
            "store",
            "mqtt",
            "config",
        ],
    ),
];

/// Modules that touch neither clock nor file, socket or environment.
pub(super) const PURE: &[&str] = &["p1", "meter", "prices", "totals", "publish"];

/// What touches the world: doors of the standard library, and our own clock.
pub(super) const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "std::time::Instant",
    "std::time::SystemTime",
    "crate::clock::Clock",
];

/// Where each crate may be used: a file, or a folder and all below it. `src/main.rs` goes with `src/cli`.
pub(super) const CRATES: &[(&str, &[&str])] = &[
    ("nom", &["src/p1"]),
    ("memchr", &["src/p1", "src/source", "src/import"]),
    ("aes_gcm", &["src/p1/cipher"]),
    ("ctr", &["src/p1/cipher"]),
    ("zeroize", &["src/p1/cipher.rs"]),
    (
        "jiff",
        &[
            "src/meter",
            "src/prices",
            "src/totals",
            "src/publish",
            "src/source",
            "src/store",
            "src/telemetry",
            "src/config",
            "src/export",
            "src/import",
            "src/cli",
        ],
    ),
    ("moka", &["src/publish/dedup", "src/publish/dedup.rs"]),
    ("serde_json", &["src/prices", "src/publish", "src/export", "src/import", "src/config", "src/cli"]),
    ("flate2", &["src/store", "src/export", "src/import"]),
    ("parquet", &["src/export/parquet.rs"]),
    // That of prices is a module of the same name.
    ("csv", &["src/import", "src/prices/import.rs"]),
    ("bytes", &["src/publish", "src/mqtt"]),
    ("tokio_serial", &["src/source"]),
    ("socket2", &["src/source"]),
    ("rusqlite", &["src/store"]),
    ("rumqttc", &["src/mqtt"]),
    ("rustls", &["src/mqtt"]),
    ("rustls_native_certs", &["src/mqtt"]),
    ("tokio", &["src/feed.rs", "src/source", "src/store", "src/mqtt", "src/app", "src/cli"]),
    ("tokio_util", &["src/source", "src/store", "src/mqtt", "src/app", "src/cli"]),
    (
        "tracing",
        &["src/telemetry", "src/source", "src/store", "src/mqtt", "src/config", "src/app", "src/cli"],
    ),
    ("tracing_subscriber", &["src/telemetry"]),
    ("serde", &["src/config", "src/import", "src/cli"]),
    ("toml", &["src/config", "src/import"]),
    ("thiserror", &["src"]),
    ("anyhow", &["src/app", "src/cli", "src/main.rs"]),
    ("clap", &["src/cli", "src/main.rs"]),
    ("clap_complete", &["src/cli"]),
    ("clap_mangen", &["src/cli"]),
    ("indicatif", &["src/cli"]),
    ("sd_notify", &["src/app"]),
    ("libc", &["src/source", "src/store", "src/config", "src/telemetry", "src/app", "src/cli"]),
];

/// Folders without floating point: what the meter said is kept to the digit.
pub(super) const EXACT: &[&str] = &["src/p1/", "src/meter/", "src/prices/", "src/totals/", "src/store/"];

/// Files may have this many lines.
pub(super) const LINES: usize = 400;

/// Longer files, each with its reason.
pub(super) const LONG: &[(&str, &str)] = &[];
