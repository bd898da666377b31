//! The one place that reads the environment, and the files a configuration names.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use super::raw;
use super::report::{ConfigError, why};
use super::resolve::{Facts, Files, Loaded, resolve};

/// Where the configuration is unless the command line says otherwise.
pub const DEFAULT_FILE: &str = "/etc/dsmrd/dsmrd.toml";

/// No file that a configuration names is larger, in bytes; whatever is, is something else.
const LARGEST_FILE: u64 = 4 << 20;

/// The files of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if std::fs::metadata(path)?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
        }
        Ok(bytes)
    }

    fn can_read(&self, path: &Path) -> io::Result<()> {
        let metadata = look_at(path)?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        // To open a named pipe would wait for someone to write to it.
        if metadata.is_file() { std::fs::File::open(path).map(drop) } else { Ok(()) }
    }

    fn is_regular(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
    }

    fn disk_of(&self, path: &Path) -> Option<String> {
        // What is not there yet comes to lie where its folder is.
        let device = path.ancestors().find_map(|path| match look_at(path) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Some(None),
            looked => looked.ok().map(Some),
        })??;
        let device = device.dev();
        let (major, minor) = (libc::major(device), libc::minor(device));
        let here = Path::new("/sys/dev/block").join(format!("{major}:{minor}"));
        let disk = std::fs::canonicalize(here).ok().map(|device| {
            // Two partitions of a card are one card.
            let whole = device.join("partition").exists().then(|| device.parent()).flatten();
            whole.unwrap_or(&device).to_string_lossy().into_owned()
        });
        Some(disk.unwrap_or_else(|| format!("{major}:{minor}")))
    }

    fn is_open_to_all(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }
}

/// What the system says of a file. A share whose server is gone answers never, and nobody starts later for that.
fn look_at(path: &Path) -> io::Result<Metadata> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let (answer, answered) = mpsc::channel();
    let owned = path.to_owned();
    std::thread::Builder::new().spawn(move || {
        // Nobody may be waiting any more.
        let _ = answer.send(std::fs::metadata(owned));
    })?;
    answered.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Reads, checks and resolves the configuration file, with overrides from the environment.
///
/// Without a file at [`DEFAULT_FILE`] the environment alone will do, if it names a meter's source.
///
/// # Errors
///
/// Every problem at once, each with its place and what would be right.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let env = environment()?;
    let one = |problem: String| ConfigError { problems: vec![problem], warnings: Vec::new() };
    // What is shown must mean the same in every folder.
    let absolute = std::path::absolute(path);
    let path = absolute.as_deref().unwrap_or(path);
    let shown = path.display();
    let text = match Disk.read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| {
            let line =
                error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
            one(format!("{shown}:{line}: this is not UTF-8 text; save the file as UTF-8"))
        })?,
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                && path == Path::new(DEFAULT_FILE)
                && raw::stands_alone(&env) =>
        {
            String::new()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(one(format!(
                "{shown}: there is no such file; write one (dsmrd generate sample-config prints a sample), \
                 or name another with --config"
            )));
        }
        Err(error) => return Err(one(format!("{shown}: cannot read it: {}", why(&error)))),
    };
    let facts = Facts { hostname: hostname(), machine_id: machine_id(), files: &Disk };
    resolve(&text, path, &env, &facts)
}

/// Whether systemd's journal reads standard error and gives every line its time.
pub fn under_journald() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here")]
    std::env::var_os("JOURNAL_STREAM").is_some()
}

/// A variable of the environment, for commands that have no configuration; an empty one counts as not set.
///
/// # Errors
///
/// It is not text. What it holds is not told: it may be a secret.
pub fn variable(name: &str) -> Result<Option<String>, ConfigError> {
    #[expect(clippy::disallowed_methods, reason = "the environment is read here")]
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    let not_text =
        |_| ConfigError { problems: vec![format!("{name}: this is not UTF-8 text")], warnings: Vec::new() };
    value.map(|value| value.into_string().map_err(not_text)).transpose()
}

/// The environment as text. A variable of ours that is not text is a problem, others are nobody's business.
fn environment() -> Result<Vec<(String, String)>, ConfigError> {
    let mut env = Vec::new();
    let mut problems = Vec::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => env.push((name, value)),
            (Ok(name), Err(_)) if name.starts_with("DSMRD_") => {
                problems.push(format!("{name}: this is not UTF-8 text"))
            }
            _ => {}
        }
    }
    env.sort();
    if problems.is_empty() { Ok(env) } else { Err(ConfigError { problems, warnings: Vec::new() }) }
}

/// The environment for a program that the user names: ours without the variables that are meant for us, some of which
/// hold passwords, and without those by which a supervisor speaks with us.
pub fn inherited() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    const OURS: [&str; 9] = [
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "LISTEN_PID",
        "LISTEN_FDS",
        "LISTEN_FDNAMES",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "CREDENTIALS_DIRECTORY",
    ];
    let foreign = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        !name.starts_with("DSMRD_") && !name.starts_with("SUPERVISOR_") && !OURS.contains(&&*name)
    };
    std::env::vars_os().filter(|(name, _)| foreign(name)).collect()
}

/// This machine's name, with or without the domain.
pub fn hostname() -> String {
    let read = |path| std::fs::read_to_string(path).ok().map(|name| name.trim().to_owned());
    read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

fn machine_id() -> String {
    let read =
        |path| std::fs::read_to_string(path).ok().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
    read("/etc/machine-id").or_else(|| read("/var/lib/dbus/machine-id")).unwrap_or_default()
}
