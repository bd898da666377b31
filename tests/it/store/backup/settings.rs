use std::time::Duration;

use dsmrd::config::BackupSettings;
use dsmrd::store::backup::Keep;

use crate::config::{LEAST, load, try_load};

fn backup(text: &str) -> BackupSettings {
    load(&format!("{LEAST}[backup]\n{text}")).settings.backup
}

#[track_caller]
fn problem(text: &str, says: &str) {
    let error = try_load(&format!("{LEAST}[backup]\n{text}"), &[]).expect_err("it loads");
    assert_eq!(error.problems.len(), 1, "{error}");
    assert!(error.problems[0].contains(says), "{error}");
}

#[test]
fn without_a_folder_there_are_none_and_the_rest_has_its_defaults() {
    let settings = load(LEAST).settings.backup;
    assert_eq!(
        settings,
        BackupSettings {
            host: "attic.example.net".into(),
            zone: "Europe/Amsterdam".into(),
            ..BackupSettings::default()
        }
    );
    assert_eq!(settings.folder, None);
    for wish in ["command = [\"cp\", \"{file}\", \"/x\"]", "at = \"03:00\"", "keep_daily = 3"] {
        let loaded = load(&format!("{LEAST}[backup]\n{wish}\n"));
        assert!(loaded.warnings[0].contains("without a folder no backups are made"), "{:?}", loaded.warnings);
    }
}

#[test]
fn every_key_means_what_it_says() {
    let settings = backup(
        "folder = \"usb\"\nat = \"02:30\"\nevery = 7\nkeep_daily = 1\nkeep_weekly = 0\nkeep_monthly = 24\n\
         command = [\"scp\", \"-i\", \"key,1\", \"{file}\", \"nas:{name}.{file}\"]\ncommand_timeout = \"10m\"\n",
    );
    assert_eq!(settings.folder.as_deref(), Some(std::path::Path::new("/etc/dsmrd/usb")));
    assert_eq!((settings.at.hour(), settings.at.minute(), settings.every), (2, 30, 7));
    assert_eq!(settings.keep, Keep { daily: 1, weekly: 0, monthly: 24 });
    assert_eq!(settings.command_timeout, Duration::from_secs(600));
    let command = settings.command.unwrap();
    assert_eq!(command.program(), "scp");
    // Nothing in a path is taken for a placeholder.
    let arguments = command.arguments("/usb/{name}/a.gz", "a.gz");
    assert_eq!(arguments, ["-i", "key,1", "/usb/{name}/a.gz", "nas:a.gz./usb/{name}/a.gz"]);
    // A time of TOML's own will do too.
    assert_eq!(backup("at = 23:15:30\n").at.second(), 30);
}

#[test]
fn what_is_wrong_is_told_without_what_may_be_secret() {
    problem("at = \"25:00\"\n", "\"25:00\" is no time of the day; write one in quotes, such as \"04:00\"");
    problem("at = 4\n", "4 is no time of the day");
    problem("every = 0\n", "write a whole number from 1 to 366");
    problem("keep_daily = 0\n", "write a whole number from 1 to 1000");
    problem("command = \"rclone copyto hunter2\"\n", "this is no list");
    problem("command = [\"rclone copyto hunter2\"]\n", "\"rclone\" is a program and its arguments in one");
    problem("command = []\n", "the list names no program");
    problem("command = [\"cp\", 7]\n", "something that is not text stands in the list");
    problem("folders = \"x\"\n", "did you mean `folder`?");
    for bad in ["command = \"a hunter2\"\n", "command = [\"a hunter2\"]\n", "command = [\"hunter2\", 1]\n"] {
        let error = try_load(&format!("{LEAST}[backup]\n{bad}"), &[]).expect_err("it loads");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let loaded = load(&format!("{LEAST}[backup]\nfolder = \"x\"\ncommand = [\"sync-it\", \"hunter2\"]\n"));
    assert!(loaded.warnings.iter().any(|line| line.contains("it is not there yet")), "{:?}", loaded.warnings);
    assert!(
        loaded.warnings.iter().any(|line| line.contains("does not say what to copy")),
        "{:?}",
        loaded.warnings
    );
    let shown = dsmrd::config::sample::show(&loaded, std::path::Path::new("x"), false);
    assert!(
        shown.contains("# command = \"***\"") && !format!("{shown}{loaded:?}").contains("hunter2"),
        "{shown}"
    );
}
