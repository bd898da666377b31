//! Whether the disk is there that a folder is meant to be on. A folder where nothing is mounted is a folder all the same,
//! on the disk of the system: backups would fill that, and the record with it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Where something ought to be mounted for a folder, says the system's table, and is not.
pub(super) fn missing(folder: &Path) -> Option<PathBuf> {
    // A folder that another program mounts when it is needed is mounted by this.
    let folder = std::fs::canonicalize(folder).ok()?;
    let wanted = std::fs::read("/etc/fstab").ok()?;
    let mounted = std::fs::read("/proc/self/mountinfo").ok()?;
    missing_of(&folder, &wanted, &mounted)
}

fn missing_of(folder: &Path, wanted: &[u8], mounted: &[u8]) -> Option<PathBuf> {
    let mounted: HashSet<PathBuf> = column(mounted, 4).collect();
    column(wanted, 1)
        // `none` of swap is no place.
        .filter(|mount| mount.is_absolute() && mount.parent().is_some() && folder.starts_with(mount))
        .find(|mount| !mounted.contains(mount))
}

/// The paths in a column of a table of the system, in which blanks within a path are told as `\040`.
fn column(table: &[u8], number: usize) -> impl Iterator<Item = PathBuf> {
    table.split(|byte| *byte == b'\n').filter_map(move |line| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
        if words.peek()?.starts_with(b"#") {
            return None;
        }
        let path = unescaped(words.nth(number)?);
        // A slash at its end means nothing.
        Some(PathBuf::from(OsString::from_vec(path)).components().collect())
    })
}

fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, tail @ ..] = rest {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: &[u8] = b"# device mount type\n\
        PARTUUID=1 / ext4 defaults 0 1\n\
        PARTUUID=2\tnone\tswap\tsw 0 0\n\
        #UUID=3 /mnt/old ext4 noauto 0 0\n\
        UUID=4 /mnt/stick/ ext4 nofail 0 2\n\
        nas:/volume /mnt/my\\040nas nfs x-systemd.automount 0 0\n";
    const MOUNTED: &[u8] = b"22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n\
        30 22 0:30 / /mnt/my\\040nas rw shared:4 - autofs systemd-1 rw\n";

    #[test]
    fn a_folder_waits_for_the_disk_that_the_system_has_for_it() {
        let missing = |folder: &str, mounted: &[u8]| missing_of(Path::new(folder), WANTED, mounted);
        let stick = Some(PathBuf::from("/mnt/stick"));
        assert_eq!(missing("/mnt/stick", MOUNTED), stick);
        assert_eq!(missing("/mnt/stick/dsmrd/backups", MOUNTED), stick);
        let plugged = [MOUNTED, b"31 22 8:1 / /mnt/stick rw - ext4 /dev/sda1 rw\n"].concat();
        assert_eq!(missing("/mnt/stick/dsmrd", &plugged), None);
        for other in ["/mnt", "/mnt/sticks", "/mnt/old", "/mnt/my nas/dsmrd", "/var/backups", "/"] {
            assert_eq!(missing(other, MOUNTED), None, "{other}");
        }
    }
}
