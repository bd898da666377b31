//! `dsmrd sql`.
