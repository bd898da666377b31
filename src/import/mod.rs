//! The history of other programs, read: database dumps, CSV files, recorded telegrams.
