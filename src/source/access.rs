//! Why a device may not be opened, and the command that changes it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What to tell a user who may not open `device`: the group that may, and how to get into it. `etc` is the
/// folder of `passwd` and `group`.
pub fn advice(device: &Path, etc: &Path, uid: u32) -> String {
    let user = name_of(&etc.join("passwd"), uid).unwrap_or_else(|| format!("#{uid}"));
    let Ok(metadata) = device.metadata() else {
        return format!("the user {user} may not look at it; serial ports belong to the group dialout");
    };
    let mode = metadata.mode();
    let group = name_of(&etc.join("group"), metadata.gid()).unwrap_or_else(|| format!("#{}", metadata.gid()));
    if mode & 0o060 != 0o060 || group == "root" {
        return format!(
            "it belongs to the group {group} with mode {:03o}, so that joining a group does not help; a udev \
             rule with GROUP=\"dialout\", MODE=\"0660\" does",
            mode & 0o777
        );
    }
    format!(
        "it belongs to the group {group}, and the user {user} is not in it: run \
         `sudo usermod -aG {group} {user}`, then log in again or restart the service"
    )
}

/// The name with a number in a file like `/etc/passwd`.
fn name_of(file: &Path, id: u32) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _, number) = (parts.next()?, parts.next()?, parts.next()?);
        (number.parse() == Ok(id)).then(|| name.to_owned())
    })
}

/// The user this process runs as.
pub(super) fn user() -> u32 {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn scene(mode: u32, group: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("ttyUSB0");
        std::fs::write(&device, "").unwrap();
        std::fs::set_permissions(&device, std::fs::Permissions::from_mode(mode)).unwrap();
        let gid = device.metadata().unwrap().gid();
        std::fs::write(
            folder.path().join("passwd"),
            "root:x:0:0::/root:/bin/sh\npi:x:1000:1000::/:/bin/sh\n",
        )
        .unwrap();
        std::fs::write(folder.path().join("group"), format!("none:x:54321:\n{group}:x:{gid}:\n")).unwrap();
        advice(&device, folder.path(), 1000)
    }

    #[test]
    fn the_group_and_the_command_are_named() {
        let told = scene(0o660, "dialout");
        assert!(told.contains("group dialout") && told.contains("`sudo usermod -aG dialout pi`"), "{told}");
        let told = scene(0o660, "uucp");
        assert!(told.contains("usermod -aG uucp pi"), "{told}");
    }

    #[test]
    fn a_port_closed_to_its_group_needs_a_rule() {
        let told = scene(0o600, "dialout");
        assert!(told.contains("mode 600") && told.contains("udev"), "{told}");
        let told = scene(0o660, "root");
        assert!(told.contains("group root") && told.contains("GROUP=\"dialout\""), "{told}");
    }
}
