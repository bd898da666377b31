//! Keys of encrypted telegrams on the command line, in files and in the environment; they are shown nowhere.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use dsmrd::config::{self, Disk, Files};
use dsmrd::p1::cipher::{Key, Keys, LUXEMBOURG_AUTH_KEY};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct KeyArgs {
    /// The file that holds the meter's key, where its telegrams are encrypted (in Austria its GUEK): 32 hex digits and
    /// nothing else. Without this and --key the variable DSMRD_KEY of the environment counts.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The meter's key itself. Other users see it in the list of processes: --key-file and DSMRD_KEY are safer.
    #[arg(long, value_name = "HEX", value_parser = hidden, conflicts_with = "key_file")]
    key: Option<Hidden>,
    /// The file that holds the authentication key (in Austria the GAK). Without this and --auth-key the variable
    /// DSMRD_AUTH_KEY of the environment counts, else the one of all meters of Luxembourg.
    #[arg(long, value_name = "FILE")]
    auth_key_file: Option<PathBuf>,
    /// The authentication key itself; seen by others as --key is.
    #[arg(long, value_name = "HEX", value_parser = hidden, conflicts_with = "auth_key_file")]
    auth_key: Option<Hidden>,
}

/// Text that no message repeats, not even one about the command line.
#[derive(Clone)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what clap wants of a parser; an error of it would show the text"
)]
fn hidden(text: &str) -> Result<Hidden, std::convert::Infallible> {
    Ok(Hidden(text.to_owned()))
}

impl KeyArgs {
    /// What opens the telegrams; `None` without a key.
    pub(super) fn keys(&self, allow_unverified_tag: bool) -> anyhow::Result<Option<Keys>> {
        let auth_key = find(
            self.auth_key.as_ref(),
            "--auth-key",
            self.auth_key_file.as_deref(),
            "--auth-key-file",
            "DSMRD_AUTH_KEY",
        )?;
        match find(self.key.as_ref(), "--key", self.key_file.as_deref(), "--key-file", "DSMRD_KEY")? {
            Some(key) => {
                let auth_key = auth_key.unwrap_or(LUXEMBOURG_AUTH_KEY);
                Ok(Some(Keys { key, auth_key, allow_unverified_tag }))
            }
            None if allow_unverified_tag => {
                bail!("--allow-unverified-tag is about decrypted telegrams; give --key-file as well")
            }
            None if self.auth_key.is_some() || self.auth_key_file.is_some() => {
                bail!("an authentication key alone opens nothing; give --key-file as well")
            }
            None => Ok(None),
        }
    }
}

/// The first of the three places that has a key.
fn find(
    typed: Option<&Hidden>,
    option: &str,
    file: Option<&Path>,
    file_option: &str,
    variable: &str,
) -> anyhow::Result<Option<Key>> {
    let of = |text: &str, place: &str| text.parse::<Key>().map_err(|error| anyhow!("{place}: {error}"));
    match (typed, file) {
        (Some(Hidden(text)), _) => of(text, option).map(Some),
        (None, Some(path)) => read(path).with_context(|| file_option.to_owned()).map(Some),
        (None, None) => match config::variable(variable)? {
            Some(text) => of(&text, variable).map(Some),
            None => Ok(None),
        },
    }
}

fn read(path: &Path) -> anyhow::Result<Key> {
    let name = path.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| name.parse::<Key>().is_ok()) {
        // The message about a file that is not there would tell the key.
        bail!("this is a key and no file; write it into a file");
    }
    let shown = path.display();
    let bytes = Disk.read(path).with_context(|| format!("cannot read {shown}"))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{shown} is not UTF-8 text"))?;
    let key = text.parse().map_err(|error| anyhow!("{shown}: {error}; it holds the key and nothing else"))?;
    if Disk.is_open_to_all(path) {
        complain!("warning: every user of this machine can read {shown}; chmod o-r it");
    }
    Ok(key)
}
