//! The commands, as a user runs them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use dsmrd::config::keys::KEYS;
use dsmrd::config::{DEFAULT_FILE, sample};
use dsmrd::exit;

use crate::support::free_port;

fn dsmrd(args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("it runs")
}

fn code(output: &Output) -> u8 {
    output.status.code().and_then(|code| u8::try_from(code).ok()).expect("it ends by itself")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("it can be written");
    path.display().to_string()
}

#[test]
fn a_good_file_and_a_bad_one() {
    let scratch = tempfile::tempdir().expect("a folder");
    let good = write(&scratch.path().join("good.toml"), super::LEAST);
    let output = dsmrd(&["check-config", "--config", &good], &[]);
    assert_eq!(code(&output), exit::OK);
    assert_eq!(text(&output.stdout), format!("{good}: good (1 meter, 0 brokers)\n"));

    let bad = write(&scratch.path().join("bad.toml"), "[log]\nlevel = 1\nlevle = 2\n");
    for command in [&["check-config"][..], &["config", "show"]] {
        let output = dsmrd(&[command, &["--config", &bad]].concat(), &[]);
        assert_eq!(code(&output), exit::CONFIG);
        let said = text(&output.stderr);
        assert!(said.starts_with("dsmrd: the configuration has 3 problems\n"), "{said}");
        assert!(
            said.contains(&format!("\n{bad}:2:1: log.level: "))
                && said.contains(&format!("\n{bad}:3:1: log.levle: "))
        );
    }
    let output = dsmrd(&["check-config", "--config", "/nowhere/dsmrd.toml"], &[]);
    assert_eq!(code(&output), exit::CONFIG);
    assert!(
        text(&output.stderr).contains("/nowhere/dsmrd.toml: there is no such file"),
        "{}",
        text(&output.stderr)
    );
    std::fs::write(scratch.path().join("latin1.toml"), b"[[meter]]\n# caf\xe9\n").expect("it can be written");
    let latin1 = scratch.path().join("latin1.toml").display().to_string();
    let output = dsmrd(&["check-config", "--config", &latin1], &[]);
    assert!(
        text(&output.stderr).contains(&format!("{latin1}:2: this is not UTF-8 text")),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_file_can_be_named_in_the_environment_and_missing_there_is_a_problem() {
    let env = [
        ("DSMRD_CONFIG", "/nowhere/x.toml"),
        ("DSMRD_METER_0_SOURCE", "simulate:"),
        ("DSMRD_METER_0_NAME", "a"),
    ];
    let output = dsmrd(&["config", "show"], &env);
    assert_eq!(code(&output), exit::CONFIG, "only the default file may be missing");
    if !Path::new(DEFAULT_FILE).exists() {
        let output = dsmrd(&["config", "show", "--origin"], &env[1..]);
        assert_eq!(code(&output), exit::OK, "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("# DSMRD_METER_0_SOURCE\n"), "{}", text(&output.stdout));
    }
}

#[test]
fn show_prints_a_file_that_loads_again_without_the_secret() {
    let scratch = tempfile::tempdir().expect("a folder");
    write(&scratch.path().join("secret"), "canary-77\n");
    let lines =
        "[[mqtt]]\nname = \"b\"\nusername = \"me\"\npassword_file = \"secret\"\n[store]\npath = \"db\"\n";
    let file = write(&scratch.path().join("dsmrd.toml"), &format!("{}{lines}", super::LEAST));
    let first = dsmrd(&["config", "show", "--config", &file], &[]);
    assert_eq!(code(&first), exit::OK);
    let shown = text(&first.stdout);
    assert!(!shown.contains("canary") && !text(&first.stderr).contains("canary"));
    assert!(shown.contains(&format!("path = \"{}\"\n", scratch.path().join("db").display())), "{shown}");
    let again = write(&scratch.path().join("again.toml"), &shown);
    assert_eq!(text(&dsmrd(&["config", "show", "--config", &again], &[]).stdout), shown);
    let said = text(&first.stderr);
    assert!(said.contains("secret; chmod o-r it"), "{said}");
    let only_ours = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(scratch.path().join("secret"), only_ours).expect("it is ours");
    assert_eq!(text(&dsmrd(&["config", "show", "--config", &file], &[]).stderr), "");
}

#[test]
fn what_is_shown_means_the_same_in_every_folder() {
    let scratch = tempfile::tempdir().expect("a folder");
    write(&scratch.path().join("here.toml"), &format!("{}[store]\npath = \"db\"\n", super::LEAST));
    let output = Command::new(env!("CARGO_BIN_EXE_dsmrd"))
        .args(["config", "show", "--config", "here.toml"])
        .env_clear()
        .current_dir(scratch.path())
        .output()
        .expect("it runs");
    let folder = scratch.path().canonicalize().expect("it is there");
    let shown = text(&output.stdout);
    assert!(shown.contains(&format!("path = \"{}\"\n", folder.join("db").display())), "{shown}");
}

#[test]
fn files_without_end_are_refused() {
    let output = dsmrd(&["check-config", "--config", "/dev/zero"], &[]);
    assert_eq!(code(&output), exit::CONFIG);
    assert!(text(&output.stderr).contains("/dev/zero: cannot read it: it is larger than 4 MiB"));
    let output = dsmrd(&["check-config", "--config", "/"], &[]);
    assert!(text(&output.stderr).contains("/: cannot read it: it is a folder"), "{}", text(&output.stderr));
}

#[test]
fn connect_opens_what_the_file_names() {
    let scratch = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let file = |source: &str, store: &str| {
        format!("[[meter]]\nname = \"home\"\nsource = \"{source}\"\n[store]\npath = \"{store}\"\n")
    };
    let good =
        write(&scratch.path().join("good.toml"), &file(&format!("tcp://127.0.0.1:{port}"), "db.sqlite"));
    let output = dsmrd(&["check-config", "--connect", "--config", &good], &[]);
    assert_eq!(code(&output), exit::OK, "{}", text(&output.stdout));
    let shared = file(&format!("tcp://127.0.0.1:{port}"), "db.sqlite")
        + &format!(
            "[[meter]]\nname = \"b\"\nsource = \"simulate:\"\n[meter.share]\nlisten = \"127.0.0.1:{}\"\n",
            free_port()
        );
    let shared = write(&scratch.path().join("shared.toml"), &shared);
    let output = dsmrd(&["check-config", "--connect", "--config", &shared], &[]);
    assert!(text(&output.stdout).contains("share of b: good, 127.0.0.1:"), "{}", text(&output.stdout));
    let taken = write(
        &scratch.path().join("taken.toml"),
        &format!(
            "[[meter]]\nname = \"b\"\nsource = \"simulate:\"\n[meter.share]\nlisten = \"127.0.0.1:{port}\"\n[store]\npath = \"db.sqlite\"\n"
        ),
    );
    let output = dsmrd(&["check-config", "--connect", "--config", &taken], &[]);
    assert_eq!(code(&output), exit::FAILURE);
    assert!(text(&output.stdout).contains("share of b: failed, 127.0.0.1:"), "{}", text(&output.stdout));
    write(&scratch.path().join("notes.txt"), "this is not a database, but it is long enough");
    let bad = write(&scratch.path().join("bad.toml"), &file("none", "notes.txt"));
    let output = dsmrd(&["check-config", "--connect", "--config", &bad], &[]);
    assert_eq!(code(&output), exit::FAILURE);
    let said = text(&output.stdout);
    assert!(said.contains("none: no such device; is the cable plugged in?"), "{said}");
    assert!(said.contains("meter home: failed, ") && said.contains("store: failed, "), "{said}");
}

#[test]
fn help_names_every_key_and_the_default_file() {
    for command in [&["check-config", "--help"][..], &["config", "show", "--help"]] {
        let help = text(&dsmrd(command, &[]).stdout);
        assert!(help.contains(DEFAULT_FILE), "{help}");
        assert!(KEYS.iter().all(|key| help.contains(&format!("    {} ", key.name))), "{help}");
    }
}

#[test]
fn the_help_of_a_command_tells_more_than_its_first_line() {
    let scratch = tempfile::tempdir().expect("a folder");
    let dir = scratch.path().display().to_string();
    assert_eq!(code(&dsmrd(&["generate", "man", &dir], &[])), exit::OK);
    for (command, says) in [
        ("query", "begins a day before its end"),
        ("sql", "rows of the table"),
        ("topics", "every topic that there may be"),
        ("totals", "there are no costs"),
    ] {
        let help =
            text(&dsmrd(&[command, "--help"], &[]).stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(says), "{command}: {help}");
        let page =
            std::fs::read_to_string(scratch.path().join(format!("dsmrd-{command}.1"))).expect("a page");
        assert!(page.replace('\n', " ").contains(says), "{command}: {page}");
    }
}

#[test]
fn generated_pages_and_completions() {
    let scratch = tempfile::tempdir().expect("a folder");
    let dir = scratch.path().join("man");
    assert_eq!(code(&dsmrd(&["generate", "man", &dir.display().to_string()], &[])), exit::OK);
    let page = |name: &str| {
        std::fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert_eq!(page("dsmrd.toml.5"), sample::manual());
    let main = page("dsmrd.1");
    let appliance = ["run", "check-config", "config", "mqtt", "topics", "ports", "simulate", "demo"];
    for command in appliance.into_iter().chain(["replay", "decode", "export", "totals", "prices"]) {
        let name = format!("dsmrd-{command}.1");
        assert!(page(&name).contains(".TH "), "{name}");
        assert!(main.contains(&command.replace('-', "\\-")), "{command} is in dsmrd(1)");
    }
    assert!(!dir.join("dsmrd-generate.1").exists());
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&dsmrd(&["generate", "completions", shell], &[]).stdout);
        assert!(script.contains("check-config") && script.contains("origin"), "{shell}");
    }
    assert_eq!(text(&dsmrd(&["generate", "sample-config"], &[]).stdout), sample::sample());
}
