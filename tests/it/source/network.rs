//! Meters behind a TCP server.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Meter, PATIENCE, raw, settings, telegrams};
use crate::support::{free_port, until};
use dsmrd::source::fanout::Fanout;
use dsmrd::source::{Delivery, SourceSettings, SourceUrl};

fn tcp(host: &str, port: u16) -> SourceSettings {
    settings(SourceUrl::Tcp { host: host.into(), port })
}

/// Waits until a server has so many clients.
async fn clients(server: &Fanout, count: u64) {
    until(PATIENCE, "the clients are there", || server.counters().connects.get() >= count).await;
}

#[tokio::test]
async fn a_server_that_restarts_is_read_again() {
    // None that the meter's own connection could be given while nobody listens.
    let server = Fanout::bind(&format!("127.0.0.1:{}", free_port())).await.unwrap();
    let address = server.address();
    let mut meter = Meter::read(tcp("localhost", address.port()));
    let telegrams = telegrams(2);
    clients(&server, 1).await;
    server.send(&telegrams[0]);
    assert!(meter.link().await);
    assert_eq!(raw(&meter.reading().await), telegrams[0]);
    server.close().await;
    assert!(!meter.link().await, "nobody listens any more");
    let server = Fanout::bind(&address.to_string()).await.unwrap();
    clients(&server, 1).await;
    server.send(&telegrams[1]);
    assert!(meter.link().await);
    assert_eq!(raw(&meter.reading().await), telegrams[1]);
    assert!(meter.stop().await.open_failures.get() >= 1);
}

#[tokio::test]
async fn ipv6_is_spoken() {
    // Not every container has it.
    let Ok(server) = Fanout::bind("[::1]:0").await else {
        eprintln!("skipped: no IPv6 loopback here");
        return;
    };
    let mut meter = Meter::read(tcp("::1", server.address().port()));
    clients(&server, 1).await;
    let telegram = &telegrams(1)[0];
    server.send(telegram);
    assert_eq!(raw(&meter.reading().await), telegram);
    meter.stop().await;
}

#[tokio::test]
async fn silence_is_told_once_counted_and_answered_by_connecting_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let mut meter = Meter::read(SourceSettings { silence: Duration::from_millis(300), ..url });
    let telegrams = telegrams(2);
    // Connections stay open and dead: only the silence shows it. Whoever is slow finds a later one.
    let counters = Arc::clone(&meter.counters);
    let server = tokio::spawn(async move {
        let mut clients = Vec::new();
        loop {
            clients.push(listener.accept().await.unwrap().0);
            let client = clients.last_mut().unwrap();
            if counters.delivered.get() == 0 {
                let _ = client.write_all(&telegrams[0]).await;
            } else if counters.silences.get() >= 3 {
                let _ = client.write_all(&telegrams[1]).await;
            }
        }
    });
    let (mut is_up, mut ups) = (false, 0);
    while ups < 2 {
        match meter.next().await {
            Delivery::Link(up) => {
                assert_ne!(up, is_up, "the link was told to be so already");
                is_up = up;
                ups += usize::from(up);
            }
            _ => assert!(is_up),
        }
    }
    assert!(meter.counters.silences.get() >= 3 && meter.counters.opens.get() >= 4);
    meter.reading().await;
    server.abort();
    meter.stop().await;
}

#[tokio::test]
async fn damaged_telegrams_are_silence_too() {
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let url = tcp("127.0.0.1", server.address().port());
    let mut meter = Meter::read(SourceSettings { silence: Duration::from_millis(300), ..url });
    let mut damaged = telegrams(1).remove(0);
    damaged[100] ^= 4;
    let stop = tokio_util::sync::CancellationToken::new();
    let feeding = tokio::spawn({
        let stop = stop.clone();
        async move {
            while !stop.is_cancelled() {
                server.send(&damaged);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            server.close().await;
        }
    });
    assert!(!meter.link().await, "bytes are not telegrams");
    until(PATIENCE, "several were rejected", || meter.counters.rejected_crc.get() > 2).await;
    stop.cancel();
    feeding.await.unwrap();
    let counters = meter.stop().await;
    assert!(counters.silences.get() >= 1);
    assert_eq!(counters.delivered.get(), 0);
}

#[tokio::test]
async fn noise_is_passed_over_and_costs_one_telegram_at_most() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut meter = Meter::read(tcp("127.0.0.1", listener.local_addr().unwrap().port()));
    let (mut client, _) = listener.accept().await.unwrap();
    let telegrams = telegrams(3);
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut noise = vec![0; 1 << 20];
    for byte in &mut noise {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Every fourth byte is one that means something to the framer.
        *byte =
            if state.is_multiple_of(4) { b"/!\r\n"[(state >> 8) as usize % 4] } else { (state >> 16) as u8 };
    }
    client.write_all(&noise).await.unwrap();
    client.write_all(&telegrams.concat()).await.unwrap();
    let mut reading = meter.reading().await;
    while raw(&reading) != telegrams[2] {
        reading = meter.reading().await;
    }
    let counters = meter.stop().await;
    assert!(counters.bytes.get() > 1 << 20);
}

#[tokio::test]
async fn a_slow_client_is_dropped_and_delays_nobody() {
    let server = Fanout::bind("127.0.0.1:0").await.unwrap();
    let slow = TcpStream::connect(server.address()).await.unwrap();
    let mut quick = TcpStream::connect(server.address()).await.unwrap();
    clients(&server, 2).await;
    // As large as it takes to fill the buffers of a socket that nobody reads.
    let block = vec![b'x'; 1 << 20];
    let mut taken = vec![0; block.len()];
    let mut sent = 0;
    while server.counters().dropped.get() == 0 {
        server.send(&block);
        quick.read_exact(&mut taken).await.unwrap();
        sent += 1;
        assert!(sent < 2_000, "the slow client is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.counters().dropped.get(), 1);
    drop(slow);
    server.close().await;
}
