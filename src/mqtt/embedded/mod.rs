//! A small MQTT 3.1.1 broker for the demo and for tests: loopback only, in memory only.
//!
//! It has retained messages, wills, QoS 0 and 1 out (QoS 2 is accepted), wildcards, keepalives, and takes over
//! a client id that connects twice. It keeps no sessions: a client that returns subscribes again. Clients,
//! packets, queues and retained topics are bounded; who is too slow is thrown out and counted.
//!
//! In reading order: `filter`, which topic a subscription matches; `hub`, who is there and what is retained;
//! `session`, one client; `broker`, the listener.

mod broker;
pub(super) mod filter;
mod hub;
mod session;

pub use broker::Broker;
pub use hub::BrokerStats;
