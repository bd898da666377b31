//! What we say, and what we need not say again: pure, no I/O.
//!
//! In reading order: [`message`]; [`topic`], names of topics; [`settings`], what is published and how;
//! [`layout`], from readings to messages; `discovery`, what Home Assistant is told of them; [`dedup`], the queue in front
//! of a broker.

pub mod dedup;
mod discovery;
pub mod layout;
pub mod message;
pub mod settings;
pub mod topic;

pub use dedup::{DedupQueue, Offer, QueueSettings, QueueStats, Refusal, Token};
pub use layout::{Context, Layout, LayoutError};
pub use message::Message;
pub use settings::{Discovery, LayoutSettings, Mapping, PayloadFormat};
pub use topic::{PrefixError, check_prefix};
