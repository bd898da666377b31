//! A `mosquitto_sub` whose messages a test can wait for.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::wait_until;

/// Between the fields of a message, and at its end; neither stands in a topic or a payload of ours.
const FORMAT: &str = "%t\x1f%q\x1f%r\x1f%p\x1e";

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    /// Its topic.
    pub(crate) topic: String,
    /// The quality of service it was delivered with.
    pub(crate) qos: u8,
    /// Whether the broker had kept it from before the subscription.
    pub(crate) retained: bool,
    /// Its payload; bytes that are not UTF-8 are replaced.
    pub(crate) payload: String,
}

fn parse(record: &str) -> Option<Received> {
    let mut fields = record.splitn(4, '\x1f');
    Some(Received {
        topic: fields.next()?.to_owned(),
        qos: fields.next()?.parse().ok()?,
        retained: fields.next()? == "1",
        payload: fields.next()?.to_owned(),
    })
}

/// A running subscriber; it ends with its handle.
pub(crate) struct Subscriber {
    child: Child,
    received: Arc<Mutex<Vec<Received>>>,
    reader: Option<JoinHandle<()>>,
}

impl Subscriber {
    /// Subscribes with QoS 2, so that messages come with the QoS they were published with, and waits until
    /// the broker has granted it.
    pub(crate) fn new(port: u16, filter: &str) -> Self {
        Self::with(port, filter, &[])
    }

    /// As [`Subscriber::new`], with further arguments for `mosquitto_sub`, such as `-u` and `-P`.
    pub(crate) fn with(port: u16, filter: &str, arguments: &[&str]) -> Self {
        // A message to itself on a topic of its own tells that the subscription stands.
        let mark = format!("dsmrd-test/{}/{port}", std::process::id());
        let mut child = Command::new("mosquitto_sub")
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "2", "-t", filter, "-t", &mark])
            .args(["-F", FORMAT, "-N"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("mosquitto_sub is installed");
        let mut output = child.stdout.take().expect("its output is piped");
        let received = Arc::new(Mutex::new(Vec::new()));
        let (sink, own, seen) = (Arc::clone(&received), mark.clone(), Arc::new(Mutex::new(false)));
        let stands = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let (mut buffer, mut chunk) = (Vec::new(), [0; 8192]);
            while let Ok(n @ 1..) = output.read(&mut chunk) {
                buffer.extend_from_slice(&chunk[..n]);
                while let Some(end) = buffer.iter().position(|&byte| byte == 0x1e) {
                    let record: Vec<u8> = buffer.drain(..=end).collect();
                    let Some(message) = parse(&String::from_utf8_lossy(&record[..end])) else { continue };
                    if message.topic == own {
                        *stands.lock().unwrap_or_else(PoisonError::into_inner) = true;
                    } else {
                        sink.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                    }
                }
            }
        });
        // Made before the wait, so that the program ends with it even when the wait fails.
        let subscriber = Self { child, received, reader: Some(reader) };
        wait_until(Duration::from_secs(10), "the subscription stands", || {
            let _ = Command::new("mosquitto_pub")
                .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", &mark, "-m", "1"])
                .args(arguments)
                .status();
            *seen.lock().unwrap_or_else(PoisonError::into_inner)
        });
        subscriber
    }

    /// All messages so far, in order.
    pub(crate) fn messages(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The payloads of one topic so far, in order.
    pub(crate) fn payloads(&self, topic: &str) -> Vec<String> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().filter(|message| message.topic == topic).map(|m| m.payload.clone()).collect()
    }

    /// The newest payload of one topic.
    pub(crate) fn last(&self, topic: &str) -> Option<String> {
        self.payloads(topic).pop()
    }

    /// Forgets what came so far.
    pub(crate) fn clear(&self) {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
