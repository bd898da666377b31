//! The exit codes a supervisor sees, named once. The values from 64 up are those of BSD's sysexits.h.

/// A clean end: asked to stop, or the work is done.
pub const OK: u8 = 0;
/// A command failed, for the reason it printed.
pub const FAILURE: u8 = 1;
/// The command line could not be understood (clap's own code).
pub const USAGE: u8 = 2;
/// `dsmrd mqtt test`: the broker's name has no address.
pub const MQTT_RESOLVE: u8 = 10;
/// `dsmrd mqtt test`: nobody listens there, or no way leads there.
pub const MQTT_UNREACHABLE: u8 = 11;
/// `dsmrd mqtt test`: TLS failed: files, certificate, host name.
pub const MQTT_TLS: u8 = 12;
/// `dsmrd mqtt test`: the broker refused user name or password.
pub const MQTT_CREDENTIALS: u8 = 13;
/// `dsmrd mqtt test`: the broker refused for another reason.
pub const MQTT_REFUSED: u8 = 14;
/// `dsmrd mqtt test`: the broker did not answer in time.
pub const MQTT_TIMEOUT: u8 = 15;
/// `dsmrd mqtt test`: the connection was closed, or another client took it over.
pub const MQTT_CLOSED: u8 = 16;
/// `dsmrd mqtt test`: what answers does not speak MQTT.
pub const MQTT_PROTOCOL: u8 = 17;
/// `dsmrd mqtt test`: the user may not write or read the topic.
pub const MQTT_NOT_AUTHORIZED: u8 = 18;
/// `dsmrd mqtt test`: the message was acknowledged and did not come back.
pub const MQTT_NOT_RECEIVED: u8 = 19;
/// A task ended that should not have: a fault in the program. The supervisor restarts it.
pub const SOFTWARE: u8 = 70;
/// The store cannot be opened or written at all.
pub const STORE: u8 = 74;
/// A task hung and the watchdog ended the process. The supervisor restarts it.
pub const WATCHDOG: u8 = 75;
/// The configuration is bad; starting again will not help (systemd: `RestartPreventExitStatus=78`).
pub const CONFIG: u8 = 78;
/// Asked to stop a second time: ended at once, without the clean stop. Of a command: it was interrupted.
pub const ABORTED: u8 = 130;
