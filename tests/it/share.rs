//! A meter shared over TCP.
