//! The share of a meter, by the configuration.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dsmrd::p1::cipher::{self, Envelope, Key, Keys};

use super::daemon::{Daemon, stored};
use super::meter::{Meter, telegram};
use crate::support::{free_port, scratch, wait_for, wait_until};

const SOON: Duration = Duration::from_secs(60);

fn write(folder: &Path, share: &str) -> PathBuf {
    let config = folder.join("dsmrd.toml");
    let text = format!(
        "[[meter]]\nname = \"home\"\nsource = \"tty\"\nline = \"115200 8N1\"\n{share}[store]\npath = \"record.sqlite\"\n\
         [log]\nlevel = \"debug\"\n"
    );
    std::fs::write(&config, text).expect("a configuration");
    config
}

fn share(port: u16) -> String {
    format!("[meter.share]\nlisten = \"127.0.0.1:{port}\"\n")
}

fn connect(port: u16) -> TcpStream {
    let client = wait_for(SOON, || TcpStream::connect(("127.0.0.1", port)).ok()).expect("somebody listens");
    client.set_read_timeout(Some(SOON)).expect("a limit");
    client
}

fn expect(client: &mut TcpStream, telegram: &[u8]) {
    let mut taken = vec![0; telegram.len()];
    client.read_exact(&mut taken).expect("a telegram");
    assert_eq!(taken, telegram);
}

#[test]
fn the_configuration_starts_moves_and_ends_it_and_the_port_stays_open() {
    let scratch = scratch();
    let (first, second) = (free_port(), free_port());
    let config = write(scratch.path(), &share(first));
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("opened the port", 1);
    let mut client = connect(first);
    daemon.wait_for_log("a client of the share came", 1);
    meter.send(&telegram(1));
    expect(&mut client, &telegram(1));

    write(scratch.path(), &share(second));
    daemon.signal(libc::SIGHUP);
    assert_eq!(client.read_to_end(&mut Vec::new()).expect("an orderly end"), 0);
    let mut client = connect(second);
    daemon.wait_for_log("a client of the share came", 2);
    meter.send(&telegram(2));
    expect(&mut client, &telegram(2));

    // The meter's settings change: the port is opened anew, and the client stays.
    let text = std::fs::read_to_string(&config).expect("a configuration");
    std::fs::write(&config, text.replace("line = ", "silence = \"30s\"\nline = ")).expect("a configuration");
    daemon.signal(libc::SIGHUP);
    daemon.wait_for_log("opened the port", 2);
    meter.send(&telegram(3));
    expect(&mut client, &telegram(3));

    write(scratch.path(), "");
    daemon.signal(libc::SIGHUP);
    assert_eq!(client.read_to_end(&mut Vec::new()).expect("an orderly end"), 0);
    daemon.wait_for_log("meter started with its new settings", 2);
    meter.send(&telegram(4));
    wait_until(SOON, "all are kept", || stored(&config) == [1, 2, 3, 4]);
    assert!(TcpStream::connect(("127.0.0.1", second)).is_err(), "somebody still listens");
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    // At the start, and twice for the meter's own settings; never for the share's.
    assert_eq!(daemon.log().matches("opened the port").count(), 3, "{}", daemon.log());
}

#[test]
fn an_address_that_is_taken_is_told_and_costs_no_reading() {
    let scratch = scratch();
    let port = free_port();
    let other = TcpListener::bind(("127.0.0.1", port)).expect("a port");
    let config = write(scratch.path(), &share(port));
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("the meter cannot be shared; it is read and kept all the same; trying again", 1);
    assert!(daemon.log().contains("another program has the port"), "{}", daemon.log());
    meter.send(&telegram(1));
    wait_until(SOON, "it is kept", || stored(&config) == [1]);
    drop(other);
    let mut client = connect(port);
    daemon.wait_for_log("a client of the share came", 1);
    meter.send(&telegram(2));
    expect(&mut client, &telegram(2));
    // Told once, however often it was tried.
    assert_eq!(daemon.log().matches("the meter cannot be shared").count(), 1);
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
}

#[test]
fn dsmrd_reads_what_another_dsmrd_shares() {
    let (here, there) = (scratch(), scratch());
    let port = free_port();
    let first = write(here.path(), &share(port));
    let mut meter = Meter::plug_in(&here.path().join("tty"));
    let near = Daemon::start(&first);
    near.wait_for_log("opened the port", 1);
    let second = there.path().join("dsmrd.toml");
    let text = format!(
        "[[meter]]\nname = \"home\"\nsource = \"tcp://127.0.0.1:{port}\"\n[store]\npath = \"record.sqlite\"\n"
    );
    std::fs::write(&second, text).expect("a configuration");
    let _far = Daemon::start(&second);
    near.wait_for_log("a client of the share came", 1);
    for n in 0..100 {
        meter.send(&telegram(n));
    }
    let all: Vec<u64> = (0..100).collect();
    for config in [&first, &second] {
        wait_until(SOON, "both have every reading", || stored(config) == all);
    }
}

#[test]
fn encrypted_telegrams_are_shared_decrypted_or_untouched() {
    let key = Key::new(*b"0123456789abcdef");
    let hex: String = key.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let sealed = |n: u64| {
        let counter = u32::try_from(1_000 + n).expect("small");
        cipher::seal(&telegram(n), &Envelope::new(*b"SAG12345", counter), &Keys::new(key.clone()))
    };
    let scratch = scratch();
    let port = free_port();
    let with_key = |more: &str| {
        let secret = scratch.path().join("meter.key");
        std::fs::write(&secret, &hex).expect("a key");
        write(scratch.path(), &format!("key_file = \"meter.key\"\n{}{more}", share(port)))
    };
    let config = with_key("");
    let mut meter = Meter::plug_in(&scratch.path().join("tty"));
    let mut daemon = Daemon::start(&config);
    daemon.wait_for_log("opened the port", 1);
    let mut client = connect(port);
    daemon.wait_for_log("a client of the share came", 1);
    meter.send(&sealed(1));
    expect(&mut client, &telegram(1));
    // The other way, and the client stays.
    with_key("encrypted = \"untouched\"\n");
    daemon.signal(libc::SIGHUP);
    daemon.wait_for_log("what clients of the share get of encrypted telegrams changed", 1);
    meter.send(&sealed(2));
    expect(&mut client, &sealed(2));
    // What it could not open it does not hand on.
    let mut damaged = sealed(3);
    damaged[100] ^= 1;
    meter.send(&damaged);
    meter.send(&sealed(4));
    expect(&mut client, &sealed(4));
    wait_until(SOON, "what it could open is kept", || stored(&config) == [1, 2, 4]);
    daemon.signal(libc::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    assert!(!daemon.log().contains(&hex));
}
