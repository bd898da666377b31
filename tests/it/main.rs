//! The integration tests, by what they hold to its promise.

/// Shared helpers: scratch folders, free ports, real servers started and stopped by their own pid.
mod support;

/// The telegram corpus and the project's own fixtures through `decode`.
mod decode;

/// Framing and grammar under any chunking of any bytes.
mod framing;

/// Encrypted telegrams: keys, tags, frame counters, and what is no P1 at all.
mod cipher;

/// Countries and their meters: the table of all that were tried, zones, tariffs, times without a flag.
mod countries;

/// Sources: pseudo-terminals, TCP, recordings, the simulated household.
mod source;

/// One port, many readers: telegrams over TCP.
mod share;

/// The record: journal, blocks, damage, `kill -9`.
mod store;

/// Totals: quarters, days, years, peaks and costs.
mod totals;

/// Prices: contracts, tables, money.
mod prices;

/// The queue's laws over random histories.
mod queue;

/// Topic layouts, payloads to the byte.
mod layouts;

/// Home Assistant's discovery.
mod discovery;

/// Brokers, embedded and real.
mod mqtt;

/// Configuration: problems with their places, the generated sample, help and man pages.
mod config;

/// The whole appliance: a pty, a broker, a database; signals, reload, exit codes.
mod appliance;

/// supervisord and the installation script.
mod supervisor;

/// The import table and other rules of the house.
mod tidy;
