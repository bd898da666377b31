//! Recorded telegrams, CSV files with a mapping, P1 Monitor.
