//! What we say, and what we need not say again: pure, no I/O.
//!
//! In reading order: [`message`]; [`settings`], what is published and how.

pub mod message;
pub mod settings;

pub use message::Message;
pub use settings::{LayoutSettings, PayloadFormat};
