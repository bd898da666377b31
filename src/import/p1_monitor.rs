//! P1 Monitor.
