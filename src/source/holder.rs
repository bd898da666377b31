//! Who has a device open, as far as `/proc` lets this process see.

use std::fmt;
use std::path::Path;

/// A process that has a device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its command name.
    pub name: String,
    /// Whether it is this very process.
    pub ourselves: bool,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ourselves {
            return write!(f, "dsmrd itself (another meter is configured on the same port)");
        }
        write!(f, "process {} ({})", self.pid, self.name)
    }
}

/// The processes that have `device` open, by the descriptors listed under `proc` (normally `/proc`). Those of
/// other users stay unseen without privileges.
pub fn holders(proc: &Path, device: &Path) -> Vec<Holder> {
    let device = device.canonicalize().unwrap_or_else(|_| device.to_owned());
    let Ok(processes) = proc.read_dir() else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let descriptors = proc.join(pid.to_string()).join("fd").read_dir();
            descriptors.is_ok_and(|mut fds| {
                fds.any(|fd| fd.is_ok_and(|fd| fd.path().read_link().is_ok_and(|target| target == device)))
            })
        })
        .map(|pid| Holder {
            pid,
            name: std::fs::read_to_string(proc.join(pid.to_string()).join("comm"))
                .map_or_else(|_| "unknown".to_owned(), |name| name.trim_end().to_owned()),
            ourselves: pid == std::process::id(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_process_with_the_device_is_named() {
        let proc = tempfile::tempdir().unwrap();
        let device = proc.path().join("ttyUSB7");
        std::fs::write(&device, "").unwrap();
        for (pid, name, target) in [(41, "cu", Path::new("/dev/null")), (42, "minicom", &device)] {
            let folder = proc.path().join(pid.to_string());
            std::fs::create_dir_all(folder.join("fd")).unwrap();
            std::fs::write(folder.join("comm"), format!("{name}\n")).unwrap();
            symlink(target, folder.join("fd/3")).unwrap();
        }
        let found = holders(proc.path(), &device);
        assert_eq!(found, [Holder { pid: 42, name: "minicom".into(), ourselves: false }]);
        assert_eq!(found[0].to_string(), "process 42 (minicom)");
        assert_eq!(holders(&proc.path().join("none"), &device), []);
    }
}
