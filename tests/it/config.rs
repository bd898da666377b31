//! Configuration: problems with their places, the generated sample, help and man pages. See `main.rs`.

/// Bad files and the exact lines they are answered with.
mod problems;

/// Good files: defaults, the environment, secrets, files on the disk.
mod resolution;

/// One table of keys: sample, manual, help, environment and settings say the same.
mod table;

/// Meters: countries, keys, clocks.
mod meter;

/// Shares: a table within a table, ports that are taken, reloads.
mod share;

/// Contracts: what their keys come to, days, overlaps.
mod contract;

/// Prices to the last digit, percentages, currencies.
mod price;

/// Discovery, DSMR-reader's layout under other names, topics with prices.
mod layouts;

/// Keys through the real program: shown nowhere.
mod secrets;

/// Laws over random input.
mod laws;

/// The commands, as a user runs them.
mod commands;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use dsmrd::config::{ConfigError, Facts, Files, Loaded, resolve};

/// The file every test's text is said to be.
pub(crate) const FILE: &str = "/etc/dsmrd/dsmrd.toml";

/// The least that loads.
pub(crate) const LEAST: &str = "[[meter]]\nname = \"home\"\nsource = \"/dev/ttyUSB0\"\n";

/// Files that exist in memory alone; those in `open` are readable for all.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    pub(crate) open: Vec<PathBuf>,
}

impl Memory {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let files =
            files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
        Self { files, open: Vec::new() }
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    }

    fn can_read(&self, path: &Path) -> io::Result<()> {
        self.read(path).map(drop)
    }

    fn is_regular(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }

    fn is_open_to_all(&self, path: &Path) -> bool {
        self.open.iter().any(|open| open == path)
    }
}

pub(crate) fn env(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Resolves on a machine called attic, with files in memory.
pub(crate) fn on(text: &str, variables: &[(&str, &str)], files: &Memory) -> Result<Loaded, ConfigError> {
    let facts =
        Facts { hostname: "attic.example.net".to_owned(), machine_id: "0123456789abcdef".to_owned(), files };
    resolve(text, Path::new(FILE), &env(variables), &facts)
}

/// As [`on`], with the files that the examples in the table of keys name.
pub(crate) fn try_load(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    on(text, variables, &example_files())
}

pub(crate) fn load(text: &str) -> Loaded {
    try_load(text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn example_files() -> Memory {
    Memory::with(&[
        ("/etc/dsmrd/mqtt.password", "canary-file\n"),
        ("/etc/dsmrd/meter.key", "0F1E2D3C4B5A69788796A5B4C3D2E1F0\n"),
        ("/etc/dsmrd/meter.authkey", "f0:e1:d2:c3:b4:a5:96:87:78:69:5a:4b:3c:2d:1e:0f\n"),
        ("/etc/dsmrd/ca.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("/etc/dsmrd/client.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("/etc/dsmrd/client.key", "-----BEGIN PRIVATE KEY-----\n"),
        ("/srv/recording.txt", "/ISK5\\2M550T-1012\r\n"),
    ])
}
