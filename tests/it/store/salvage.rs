//! Damaged databases: set aside, and what reads is saved.
