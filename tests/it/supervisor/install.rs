//! `provisioning/install` into a scratch root. It needs root for the owners; elsewhere it skips.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{dsmrd, read, repository, text, write};

/// What of a file or folder a second run must not change.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    content: Option<Vec<u8>>,
}

/// A scratch root: the least that makes a Debian of a folder.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Option<Self> {
        // SAFETY: geteuid cannot fail and has no effects.
        if unsafe { libc::geteuid() } != 0 {
            eprintln!("skipped: provisioning/install needs root");
            return None;
        }
        let root = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(root.path("/etc/supervisor/conf.d")).unwrap();
        // Ids unlike those of most machines: the script must look them up here.
        write(root.path("/etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
        write(root.path("/etc/group"), "root:x:0:\nadm:x:1204:\ndialout:x:1220:\n");
        write(root.path("/etc/shadow"), "root:*:20000:0:99999:7:::\n");
        write(root.path("/etc/gshadow"), "root:*::\nadm:*::\ndialout:*::\n");
        Some(root)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(repository().join("provisioning/install"))
            .arg("--root")
            .arg(self.0.path())
            .args(arguments)
            // A shell says so when the machine does not know the language it is asked to speak.
            .env("LC_ALL", "C")
            .output()
            .unwrap()
    }

    fn install(&self, arguments: &[&str]) -> String {
        let binary = dsmrd().to_str().unwrap();
        let output = self.run(&[&["--binary", binary], arguments].concat());
        assert!(output.status.success(), "{}", text(&output));
        text(&output)
    }

    /// The id behind a name in the scratch root.
    fn id(&self, file: &str, name: &str) -> u32 {
        read(&self.path(file))
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}:"))?.split(':').nth(1)?.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {file}"))
    }

    /// Mode, owner and group by id.
    fn of(&self, path: &str) -> (String, u32, u32) {
        let metadata = std::fs::metadata(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        (format!("{:o}", metadata.mode() & 0o7777), metadata.uid(), metadata.gid())
    }

    fn snapshot(&self) -> BTreeMap<PathBuf, Entry> {
        let mut entries = BTreeMap::new();
        gather(self.0.path(), &mut entries);
        entries
    }
}

fn gather(folder: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            gather(&path, entries);
        }
        let entry = Entry {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            content: metadata.is_file().then(|| std::fs::read(&path).unwrap()),
        };
        entries.insert(path, entry);
    }
}

#[test]
fn everything_lies_in_its_place_with_tight_modes() {
    let Some(root) = Root::new() else { return };
    let hosts = (read(Path::new("/etc/passwd")), read(Path::new("/etc/group")));
    root.install(&[]);

    let (user, group) = (root.id("/etc/passwd", "dsmrd"), root.id("/etc/group", "dsmrd"));
    assert!(read(&root.path("/etc/group")).lines().any(|line| line == "dialout:x:1220:dsmrd"));
    assert!(
        read(&root.path("/etc/passwd")).lines().any(|l| l.starts_with("dsmrd:") && l.ends_with("nologin"))
    );
    for (path, mode, owner, of_group) in [
        ("/etc/dsmrd", "750", 0, group),
        ("/etc/dsmrd/dsmrd.toml", "640", 0, group),
        ("/var/lib/dsmrd", "750", user, group),
        ("/var/log/dsmrd", "750", 0, 1204),
        ("/usr/local/bin/dsmrd", "755", 0, 0),
        ("/etc/supervisor/conf.d/dsmrd.conf", "644", 0, 0),
        ("/etc/udev/rules.d/60-dsmrd.rules", "644", 0, 0),
        ("/usr/local/share/man/man1/dsmrd.1", "644", 0, 0),
        ("/usr/local/share/man/man5/dsmrd.toml.5", "644", 0, 0),
        ("/usr/local/share/bash-completion/completions/dsmrd", "644", 0, 0),
        ("/usr/local/share/zsh/site-functions/_dsmrd", "644", 0, 0),
        ("/usr/local/share/fish/vendor_completions.d/dsmrd.fish", "644", 0, 0),
    ] {
        assert_eq!(root.of(path), (mode.to_owned(), owner, of_group), "{path}");
    }
    for (installed, source) in [
        ("/etc/dsmrd/dsmrd.toml", "provisioning/dsmrd.toml"),
        ("/etc/supervisor/conf.d/dsmrd.conf", "supervisor/dsmrd.conf"),
        ("/etc/udev/rules.d/60-dsmrd.rules", "provisioning/60-dsmrd.rules"),
    ] {
        assert_eq!(read(&root.path(installed)), read(&repository().join(source)), "{installed}");
    }
    let now = (read(Path::new("/etc/passwd")), read(Path::new("/etc/group")));
    assert!(hosts == now, "the script touched this machine's users");
}

#[test]
fn a_second_run_changes_nothing() {
    let Some(root) = Root::new() else { return };
    root.install(&[]);
    let before = root.snapshot();
    let said = root.install(&[]);
    assert!(said.ends_with("\nNothing changed.\n"), "{said}");
    assert!(
        said.lines().take_while(|line| !line.is_empty()).all(|line| line.starts_with("unchanged ")),
        "{said}"
    );
    assert_eq!(root.snapshot(), before);
}

#[test]
fn what_a_user_edited_stays() {
    let Some(root) = Root::new() else { return };
    root.install(&[]);
    let config = write(root.path("/etc/dsmrd/dsmrd.toml"), "# Mine.\n");
    let program = write(root.path("/etc/supervisor/conf.d/dsmrd.conf"), "; Mine.\n");
    let said = root.install(&[]);
    assert!(said.contains("kept      /etc/supervisor/conf.d/dsmrd.conf"), "{said}");
    assert_eq!((read(&config), read(&program)), ("# Mine.\n".to_owned(), "; Mine.\n".to_owned()));

    // What an earlier version installed and nobody edited is brought up to date.
    write(program.clone(), "; Earlier.\n");
    write(root.path("/usr/local/share/dsmrd/dsmrd.conf"), "; Earlier.\n");
    let said = root.install(&[]);
    assert!(said.contains("updated   /etc/supervisor/conf.d/dsmrd.conf"), "{said}");
    assert_eq!(read(&program), read(&repository().join("supervisor/dsmrd.conf")));
}

#[test]
fn loosened_modes_and_a_lost_group_are_mended() {
    let Some(root) = Root::new() else { return };
    root.install(&[]);
    let tight = root.of("/var/lib/dsmrd");
    let run = |command: &mut Command| assert!(command.status().unwrap().success());
    run(Command::new("chmod").arg("777").arg(root.path("/var/lib/dsmrd")));
    let group = read(&root.path("/etc/group")).replace("dialout:x:1220:dsmrd", "dialout:x:1220:");
    write(root.path("/etc/group"), group);
    let said = root.install(&[]);
    assert_eq!(root.of("/var/lib/dsmrd"), tight, "{said}");
    assert!(read(&root.path("/etc/group")).contains("dialout:x:1220:dsmrd"), "{said}");
}

#[test]
fn uninstalling_leaves_the_data() {
    let Some(root) = Root::new() else { return };
    root.install(&[]);
    write(root.path("/var/lib/dsmrd/dsmrd.sqlite"), "readings");
    let output = root.run(&["--uninstall"]);
    assert!(output.status.success(), "{}", text(&output));
    let files: Vec<_> = root
        .snapshot()
        .into_iter()
        .filter(|(path, entry)| entry.content.is_some() && path.to_string_lossy().contains("dsmrd"))
        .map(|(path, _)| format!("/{}", path.strip_prefix(root.0.path()).unwrap().display()))
        .collect();
    assert_eq!(files, ["/etc/dsmrd/dsmrd.toml", "/var/lib/dsmrd/dsmrd.sqlite"]);
    // And again, with nothing left to remove.
    assert!(root.run(&["--uninstall"]).status.success());
}

#[test]
fn systemd_or_supervisord_but_never_both() {
    let Some(root) = Root::new() else { return };
    root.install(&["--systemd"]);
    let unit = "/etc/systemd/system/dsmrd.service";
    assert_eq!(root.of(unit), ("644".to_owned(), 0, 0));
    assert_eq!(read(&root.path(unit)), read(&repository().join("provisioning/dsmrd.service")));
    assert!(!root.path("/etc/supervisor/conf.d/dsmrd.conf").exists());
    // Two of them would fight over the port.
    let output = root.run(&["--binary", dsmrd().to_str().unwrap()]);
    assert!(!output.status.success() && text(&output).contains(unit), "{}", text(&output));
    assert!(!root.path("/etc/supervisor/conf.d/dsmrd.conf").exists());
    assert!(root.run(&["--uninstall"]).status.success());
    assert!(!root.path(unit).exists());
}

#[test]
fn mistakes_are_refused_before_anything_is_touched() {
    let Some(root) = Root::new() else { return };
    let before = root.snapshot();
    for (arguments, says) in
        [(&["--binary", "/nowhere/dsmrd"][..], "/nowhere/dsmrd is not there"), (&["--colour"][..], "Usage:")]
    {
        let output = root.run(arguments);
        assert!(!output.status.success());
        assert!(text(&output).contains(says), "{}", text(&output));
    }
    assert_eq!(root.snapshot(), before);
}
