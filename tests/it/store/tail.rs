//! The unsynced end of the journal in a RAM file system.
