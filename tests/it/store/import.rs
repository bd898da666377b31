//! `dsmrd import`: dumps, CSV, telegrams.
