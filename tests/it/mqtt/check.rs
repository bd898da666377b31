//! `dsmrd mqtt test` and `print-subscribe` against real brokers: each failure has its words and its exit code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use dsmrd::mqtt::embedded::Broker;

use crate::support::{Certificates, Mosquitto, free_port, mosquitto_missing, scratch, wait_until};

/// A configuration with one broker at `url`, and more lines of its table.
fn config(folder: &Path, url: &str, more: &str) -> PathBuf {
    let file = folder.join("dsmrd.toml");
    let text = format!(
        "[[meter]]\nname = \"home\"\nsource = \"simulate:\"\n[store]\npath = \"record.sqlite\"\n\
         [[mqtt]]\nname = \"local\"\nurl = \"{url}\"\n{more}"
    );
    std::fs::write(&file, text).expect("a configuration");
    file
}

fn dsmrd(arguments: &[&str], config: &Path) -> Output {
    let command =
        Command::new(env!("CARGO_BIN_EXE_dsmrd")).args(arguments).arg("--config").arg(config).output();
    command.expect("dsmrd runs")
}

/// Runs the test; its exit code and what it says.
fn test(config: &Path) -> (Option<i32>, String) {
    let output = dsmrd(&["mqtt", "test"], config);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

#[test]
fn a_good_broker_sends_the_message_back() {
    if mosquitto_missing() {
        return;
    }
    let (folder, broker) = (scratch(), Mosquitto::start());
    let file = config(folder.path(), &format!("mqtt://127.0.0.1:{}", broker.port()), "");
    let (code, said) = test(&file);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("local: good; MQTT 5, a message came back after "), "{said}");
    assert!(broker.log().contains("dsmrd/test/"), "{}", broker.log());
    let output = dsmrd(&["mqtt", "test", "--broker", "other"], &file);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no broker is named \"other\""));
    // check-config goes the same way.
    assert_eq!(dsmrd(&["check-config", "--connect"], &file).status.code(), Some(0));
}

#[test]
fn an_older_broker_is_asked_in_its_own_version() {
    let end = tokio_util::sync::CancellationToken::new();
    let token = end.clone();
    let (sender, port) = std::sync::mpsc::channel();
    let running = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let broker = Broker::bind(([127, 0, 0, 1], 0).into()).await.expect("the embedded broker starts");
            sender.send(broker.local_addr().expect("it listens").port()).expect("someone waits");
            broker.run(token).await
        })
    });
    let port = port.recv().expect("it listens");
    let folder = scratch();
    let (code, said) = test(&config(folder.path(), &format!("mqtt://127.0.0.1:{port}"), ""));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("MQTT 3.1.1"), "{said}");
    end.cancel();
    running.join().expect("it ends in order");
}

#[test]
fn a_wrong_password_and_a_missing_right_have_codes_of_their_own() {
    if mosquitto_missing() {
        return;
    }
    let mut broker = Mosquitto::prepare("");
    let passwords = broker.folder().join("passwords");
    let rights = broker.folder().join("rights");
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["meter", "right"]).status();
    assert!(made.expect("mosquitto_passwd is installed").success());
    std::fs::write(&rights, "user meter\ntopic read dsmrd/#\n").expect("the rights are written");
    let conf = broker.folder().join("mosquitto.conf");
    let lines = format!(
        "{}allow_anonymous false\npassword_file {}\nacl_file {}\n",
        std::fs::read_to_string(&conf).expect("a configuration"),
        passwords.display(),
        rights.display()
    );
    std::fs::write(&conf, lines).expect("a configuration");
    broker.restart();
    let folder = scratch();
    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    let with = |password: &str| {
        let file = folder.path().join("password");
        std::fs::write(&file, password).expect("a password");
        config(folder.path(), &url, "username = \"meter\"\npassword_file = \"password\"\n")
    };
    let (code, said) = test(&with("wrong-canary"));
    assert_eq!(code, Some(13), "{said}");
    assert!(said.contains("refused the password") && !said.contains("canary"), "{said}");
    let (code, said) = test(&config(folder.path(), &url, ""));
    assert_eq!(code, Some(13), "{said}");
    let (code, said) = test(&with("right"));
    assert_eq!(code, Some(18), "{said}");
    assert!(said.contains("write dsmrd/test/"), "{said}");
}

#[test]
fn no_broker_no_name_no_tls_and_no_answer_have_codes_of_their_own() {
    if mosquitto_missing() {
        return;
    }
    let folder = scratch();
    let (code, said) = test(&config(folder.path(), &format!("mqtt://127.0.0.1:{}", free_port()), ""));
    assert_eq!(code, Some(11), "{said}");
    let certificates = Certificates::make(folder.path(), "IP:127.0.0.1");
    let (certificate, key) = &certificates.server;
    let files = [("cafile", &certificates.ca), ("certfile", certificate), ("keyfile", key)];
    let lines: String = files.iter().map(|(name, path)| format!("{name} {}\n", path.display())).collect();
    let broker = Mosquitto::with(&format!("allow_anonymous true\n{lines}"));
    let url = format!("mqtts://127.0.0.1:{}", broker.port());
    let with = |ca: &Path| config(folder.path(), &url, &format!("ca_file = \"{}\"\n", ca.display()));
    let (code, said) = test(&with(&certificates.ca));
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = test(&with(&certificates.other_ca));
    assert_eq!(code, Some(12), "{said}");
    assert!(said.contains("not signed by an authority in"), "{said}");
    broker.hang();
    let (code, said) = test(&with(&certificates.ca));
    broker.resume();
    assert_eq!(code, Some(15), "{said}");
    // Something listens, and it is not a broker.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let url = format!("mqtt://{address}");
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            use std::io::{Read, Write};
            let mut stream = stream.expect("a connection");
            // One of those that end the test below says nothing.
            let Ok(1..) = stream.read(&mut [0; 64]) else { break };
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (code, said) = test(&config(folder.path(), &url, ""));
    // Whoever it is that it still waits for.
    let _ = std::net::TcpStream::connect(address);
    assert!(matches!(code, Some(16 | 17)), "{code:?} {said}");
    server.join().expect("the server ends");
}

#[test]
fn the_line_to_watch_a_broker_runs_as_it_is_printed() {
    if mosquitto_missing() {
        return;
    }
    let (folder, broker) = (scratch(), Mosquitto::start());
    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    let file = config(folder.path(), &url, "layouts = [\"dsmrd\", \"dsmr-reader\"]\n");
    let output = dsmrd(&["mqtt", "print-subscribe"], &file);
    let line = String::from_utf8(output.stdout).expect("UTF-8");
    let expected = format!("mosquitto_sub -h 127.0.0.1 -p {} -t 'dsmrd/#' -t 'dsmr/#' -v\n", broker.port());
    assert_eq!(line, expected);
    let mut heard = String::new();
    wait_until(Duration::from_secs(20), "the line hears a message", || {
        let publish = ["-h", "127.0.0.1", "-p", &broker.port().to_string(), "-t", "dsmrd/x", "-m", "1", "-r"];
        assert!(Command::new("mosquitto_pub").args(publish).status().expect("it runs").success());
        let once = Command::new("sh").args(["-c", &format!("{} -C 1 -W 5", line.trim())]).output();
        heard = String::from_utf8_lossy(&once.expect("it runs").stdout).into_owned();
        !heard.is_empty()
    });
    assert_eq!(heard, "dsmrd/x 1\n");
}
