//! See `main.rs`.

/// The helpers themselves.
mod helpers;
