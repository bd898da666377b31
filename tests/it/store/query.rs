//! `dsmrd query`: every resolution against the readings themselves.
