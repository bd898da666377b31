//! The whole appliance: a pty, a broker, a database; signals, reload, exit codes.

/// The daemon as a child process, its configuration and its log.
pub(crate) mod daemon;

/// A meter on a real pseudo-terminal.
pub(crate) mod meter;

/// From the port to the broker and the record.
mod end_to_end;

/// `kill -9` at random moments: nothing received is lost, nothing is there twice.
mod kill;

/// Links that come and go, and who is told.
mod links;

/// Several meters in one process, and one that is swapped for another.
mod meters;

/// A broker that restarts again and again.
mod restarts;

/// The share of a meter, by the configuration.
mod shares;

/// Stop, reload, exit codes.
mod life;
