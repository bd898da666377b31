//! The exit codes a supervisor sees, named once. The values from 64 up are those of BSD's sysexits.h.

/// A clean end: asked to stop, or the work is done.
pub const OK: u8 = 0;
/// A command failed, for the reason it printed.
pub const FAILURE: u8 = 1;
/// The command line could not be understood (clap's own code).
pub const USAGE: u8 = 2;
/// A task ended that should not have: a fault in the program. The supervisor restarts it.
pub const SOFTWARE: u8 = 70;
/// The store cannot be opened or written at all.
pub const STORE: u8 = 74;
/// A task hung and the watchdog ended the process. The supervisor restarts it.
pub const WATCHDOG: u8 = 75;
/// The configuration is bad; starting again will not help (systemd: `RestartPreventExitStatus=78`).
pub const CONFIG: u8 = 78;
/// Asked to stop a second time: ended at once, without the clean stop.
pub const ABORTED: u8 = 130;
