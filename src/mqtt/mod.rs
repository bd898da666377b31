//! One driver a broker: its own queue, session and counters. A broker that hangs or is gone touches nobody else.
//!
//! In reading order: [`settings`]; `tls` and `options`, how a connection is made; [`failure`], why one was
//! not, in words; `link`, one connection from CONNECT to its end; `listen`, what is subscribed to; `window`, which acknowledgement is for which
//! message; `backoff`, `pace`, `resend` and `throttle`, how fast we reconnect, catch up, repeat ourselves and
//! complain; `trouble`, what was wrong so far; `birth`, when we say that we live; `figures`, what is counted; `layouts`, what is said; `driver`, which holds it all together;
//! `task`, its handle. Beside it [`embedded`], a small broker for the demo and for tests, and [`check`], one
//! message there and back.

mod backoff;
mod birth;
pub mod check;
mod driver;
pub mod embedded;
pub mod failure;
mod figures;
mod layouts;
mod link;
mod listen;
mod options;
mod pace;
mod resend;
pub mod settings;
mod task;
mod throttle;
mod tls;
mod trouble;
mod window;

pub use failure::{Failure, FailureKind};
pub use layouts::{Hooks, PricesHeard, Rejected};
pub use settings::{BrokerSettings, PriceTopic, Secret, TlsSettings};
pub use task::{BrokerTask, Render, spawn, spawn_rendered};
