//! Addresses: taken ones, names, IPv6.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::Arc;

use dsmrd::feed::MeterId;
use dsmrd::meter::{Proof, Reading};
use dsmrd::source::fanout::{Fanout, Share};
use dsmrd::source::{ShareEncrypted, ShareSettings};
use dsmrd::telemetry::ShareCounters;

use super::{Client, PATIENCE, until};
use crate::appliance::meter::telegram;
use crate::support::free_port;

fn share(listen: &str) -> (Share, Arc<ShareCounters>) {
    let settings = ShareSettings { listen: listen.to_owned(), encrypted: ShareEncrypted::Decrypted };
    let counters = Arc::<ShareCounters>::default();
    let share = Share::start(&MeterId { name: "home".into() }, &settings, Arc::clone(&counters), 7);
    (share, counters)
}

fn reading(n: u64) -> Reading {
    let mut reading = Reading::new(0, Proof::Verified);
    reading.raw = Some(telegram(n).into());
    reading
}

#[tokio::test]
async fn an_address_that_is_taken_is_tried_until_it_is_free() {
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
    let address = other.local_addr().unwrap();
    let (share, counters) = share(&address.to_string());
    until(&counters, "it is tried", |counters| counters.bind_failures.get() >= 1).await;
    // Nobody is there to get it, and nothing waits.
    share.send(&reading(1));
    assert_eq!(share.address(), None);
    drop(other);
    crate::support::until(PATIENCE, "it listens", || share.address() == Some(address)).await;
    let mut client = Client::connect(address).await;
    until(&counters, "a client is there", |counters| counters.clients.get() == 1).await;
    share.send(&reading(2));
    client.expect(&telegram(2)).await;
    share.close().await;
}

#[tokio::test]
async fn a_taken_address_is_explained() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = Fanout::bind(&other.local_addr().unwrap().to_string()).await.unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    assert!(taken.to_string().contains("another program has the port"), "{taken}");
    let elsewhere = Fanout::bind("192.0.2.1:0").await.unwrap_err();
    assert!(elsewhere.to_string().contains("no such address"), "{elsewhere}");
}

#[tokio::test]
async fn both_families_are_served_by_one_address_and_by_one_name() {
    // Not every container has IPv6.
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: no IPv6 loopback here");
        return;
    }
    let port = free_port();
    let (share, counters) = share(&format!("[::]:{port}"));
    crate::support::until(PATIENCE, "it listens", || share.address().is_some()).await;
    let mut four = Client::connect((Ipv4Addr::LOCALHOST, port)).await;
    let mut six = Client::connect((Ipv6Addr::LOCALHOST, port)).await;
    until(&counters, "both are there", |counters| counters.clients.get() == 2).await;
    share.send(&reading(1));
    four.expect(&telegram(1)).await;
    six.expect(&telegram(1)).await;
    share.close().await;
}

#[tokio::test]
async fn a_name_is_listened_at_by_all_its_addresses() {
    let port = free_port();
    let server = Fanout::bind(&format!("localhost:{port}")).await.unwrap();
    let addresses: Vec<_> = tokio::net::lookup_host(("localhost", port)).await.unwrap().collect();
    let mut clients = Vec::new();
    for address in addresses {
        if TcpListener::bind((address.ip(), 0)).is_ok() {
            clients.push(Client::connect(address).await);
        }
    }
    let count = clients.len() as u64;
    until(server.counters(), "all are there", |counters| counters.clients.get() == count).await;
    server.send(&telegram(1));
    for client in &mut clients {
        client.expect(&telegram(1)).await;
    }
}
