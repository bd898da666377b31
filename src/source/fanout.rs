//! One P1 port, many readers: telegrams over TCP, to every client that connects, as ser2net would send them.
//!
//! In reading order: `listen`, the sockets that clients knock at; `hall`, where telegrams and clients meet;
//! `client`, what one of them gets; `told`, how much of their coming and going is worth a line in the log.
//! Around them [`Share`], for a meter whose record matters more than its listeners: an address that cannot be
//! had is tried again; and [`Fanout`], for whoever wants to know at once that it cannot.
//!
//! A client gets whole telegrams only, from the next one on. What it says is read and ignored. One that does
//! not take what it is sent is hung up on, and so is one whose machine does not answer any more; nobody waits for
//! either.

mod client;
mod hall;
mod listen;
mod server;
mod share;
mod told;

pub use server::Fanout;
pub use share::Share;
