//! What a client gets, and what becomes of one that does not take it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use dsmrd::clock::Clock;
use dsmrd::feed::MeterId;
use dsmrd::meter::{Proof, Reading};
use dsmrd::source::fanout::{Fanout, Share};
use dsmrd::source::{ShareEncrypted, ShareSettings};

use super::{Client, PATIENCE, until};
use crate::appliance::meter::telegram;
use crate::support::free_port;

#[tokio::test]
async fn a_client_gets_whole_telegrams_from_the_next_one_on() {
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    server.send(&telegram(1));
    let mut early = Client::connect(server.address()).await;
    until(server.counters(), "one is there", |counters| counters.clients.get() == 1).await;
    server.send(&telegram(2));
    early.expect(&telegram(2)).await;
    let mut late = Client::connect(server.address()).await;
    until(server.counters(), "both are there", |counters| counters.clients.get() == 2).await;
    server.send(&telegram(3));
    early.expect(&telegram(3)).await;
    late.expect(&telegram(3)).await;
    until(server.counters(), "all are counted", |counters| counters.telegrams.get() == 3).await;
    assert_eq!(server.counters().bytes.get(), 3 * telegram(1).len() as u64);
    server.close().await;
    assert_eq!(early.rest().await, b"");
}

#[tokio::test]
async fn nine_clients_miss_nothing_while_the_tenth_stalls_and_is_dropped() {
    // How long one may leave a telegram untaken: who waited for the tenth would wait at least so long.
    const TOLERATED: u64 = 5_000;
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let stalled = Client::stalled(server.address()).await;
    let mut clients = Vec::new();
    for _ in 0..9 {
        clients.push(Client::connect(server.address()).await);
    }
    until(server.counters(), "all are there", |counters| counters.clients.get() == 10).await;
    let began = Clock::system();
    let reading: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                for n in 0..200 {
                    client.expect(&telegram(n)).await;
                }
                client
            })
        })
        .collect();
    for n in 0..200 {
        server.send(&telegram(n));
        tokio::task::yield_now().await;
    }
    let mut there = Vec::new();
    for client in reading {
        there.push(client.await.unwrap());
    }
    let dropped = server.counters().dropped.get();
    assert!(dropped == 0 || began.mono() >= TOLERATED, "dropped after {} ms", began.mono());
    until(server.counters(), "it is dropped", |counters| counters.dropped.get() == 1).await;
    assert_eq!(server.counters().clients.get(), 9);
    server.send(&telegram(200));
    for client in &mut there {
        client.expect(&telegram(200)).await;
    }
    drop(stalled);
    server.close().await;
}

#[tokio::test]
async fn a_backlog_handed_out_at_once_drops_nobody() {
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::connect(server.address()).await;
    until(server.counters(), "it is there", |counters| counters.clients.get() == 1).await;
    // No client gets its turn meanwhile.
    for n in 0..1_000 {
        server.send(&telegram(n));
    }
    for n in 0..1_000 {
        client.expect(&telegram(n)).await;
    }
    assert_eq!(server.counters().dropped.get(), 0);
}

#[tokio::test]
async fn what_a_client_says_is_ignored_however_much_it_is() {
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::connect(server.address()).await;
    // IAC DO SUPPRESS-GO-AHEAD, IAC WILL ECHO, and what looks like a telegram.
    client.0.write_all(b"\xff\xfd\x03\xff\xfb\x01").await.unwrap();
    client.0.write_all(&telegram(99)).await.unwrap();
    until(server.counters(), "it is there", |counters| counters.clients.get() == 1).await;
    let flood = vec![b'/'; 1 << 16];
    for n in 0..20 {
        // As much as the connection takes: it is not read faster than it is worth.
        let _ = client.0.try_write(&flood);
        server.send(&telegram(n));
        client.expect(&telegram(n)).await;
    }
    assert_eq!(server.counters().clients.get(), 1);
    drop(client);
    // Its flood is not read to its end: the telegrams that it does not take any more show that it is gone.
    let gone = |counters: &dsmrd::telemetry::ShareCounters| {
        server.send(&telegram(20));
        counters.left.get() == 1
    };
    until(server.counters(), "its going is noticed", gone).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed_without_a_telegram() {
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::connect(server.address()).await;
    client.0.write_all(b"\xff\xfd\x03").await.unwrap();
    until(server.counters(), "it is there", |counters| counters.clients.get() == 1).await;
    drop(client);
    until(server.counters(), "its going is noticed", |counters| counters.left.get() == 1).await;
}

#[tokio::test]
async fn clients_beyond_the_limit_are_turned_away_until_one_leaves() {
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(Client::connect(server.address()).await);
    }
    until(server.counters(), "the house is full", |counters| counters.clients.get() == 64).await;
    let mut outside = Client::connect(server.address()).await;
    assert_eq!(outside.rest().await, b"");
    until(server.counters(), "that is counted", |counters| counters.turned_away.get() == 1).await;
    clients.pop();
    until(server.counters(), "one left", |counters| counters.left.get() == 1).await;
    let mut next = Client::connect(server.address()).await;
    until(server.counters(), "there is room", |counters| counters.clients.get() == 64).await;
    server.send(&telegram(1));
    next.expect(&telegram(1)).await;
}

#[tokio::test]
async fn at_the_end_clients_get_what_was_sent_and_then_the_end() {
    // What clients get for the last telegrams. Where we stood still for longer, it is tried again.
    const FAREWELL: u64 = 1_000;
    let sent: Vec<u8> = (0..100).flat_map(telegram).collect();
    for tries in 1.. {
        let server = Fanout::bind(&format!("127.0.0.1:{}", free_port())).await.unwrap();
        let address = server.address();
        let (mut client, stalled) = (Client::connect(address).await, Client::stalled(address).await);
        until(server.counters(), "both are there", |counters| counters.clients.get() == 2).await;
        let began = Clock::system();
        for n in 0..100 {
            server.send(&telegram(n));
        }
        let closing = tokio::spawn(server.close());
        let got = client.rest().await;
        // Nobody waits long for the one that does not read.
        tokio::time::timeout(PATIENCE, closing).await.expect("in time").unwrap();
        drop(stalled);
        let whole = got == sent;
        assert!(whole || (sent.starts_with(&got) && began.mono() >= FAREWELL), "{} bytes", got.len());
        // A process that a neighbour starts has all that is open here until it becomes another program.
        let mut again = Fanout::bind(&address.to_string()).await;
        for _ in 0..500 {
            if again.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            again = Fanout::bind(&address.to_string()).await;
        }
        again.expect("the port is free again");
        if whole {
            break;
        }
        assert!(tries < 50, "it never got the last telegrams");
    }
}

#[tokio::test]
async fn encrypted_telegrams_are_sent_as_the_setting_says() {
    let meter = MeterId { name: "home".into() };
    let settings = ShareSettings { listen: "127.0.0.1:0".into(), encrypted: ShareEncrypted::Decrypted };
    let counters = Arc::default();
    let share = Share::start(&meter, &settings, Arc::clone(&counters), 1);
    crate::support::until(PATIENCE, "it listens", || share.address().is_some()).await;
    let mut client = Client::connect(share.address().unwrap()).await;
    until(&counters, "it is there", |counters| counters.clients.get() == 1).await;
    let mut plain = Reading::new(0, Proof::Verified);
    plain.raw = Some(telegram(1).into());
    let mut sealed = plain.clone();
    let frame = b"\xdb\x08SAG\x12\x34\x56\x78\x90\x82\x00\x04\x30\x00\x00\x01".to_vec();
    sealed.wire = Some(frame.clone().into());
    share.send(&sealed);
    client.expect(&telegram(1)).await;
    share.set_encrypted(ShareEncrypted::Untouched);
    share.send(&sealed);
    client.expect(&frame).await;
    // A meter that sends in clear is shared in clear whatever the setting; a reading from the record is not.
    share.send(&Reading::new(0, Proof::Verified));
    share.send(&plain);
    client.expect(&telegram(1)).await;
    tokio::time::timeout(PATIENCE, share.close()).await.expect("in time");
    assert_eq!(client.rest().await, b"");
}
