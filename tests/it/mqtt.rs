//! See `main.rs`.

/// The helpers themselves.
mod helpers;

/// A driver, a feed and a hand on the clock.
mod rig;

/// What a subscriber sees: values, flags, order, refreshes.
mod delivery;

/// Brokers that restart, hang, are away, or refuse.
mod faults;

/// TLS against a real broker.
mod tls;

/// The embedded broker.
mod embedded;

/// `dsmrd mqtt test` and `print-subscribe`.
mod check;

/// What is heard: our own documents, the birth of Home Assistant, prices.
mod listening;
