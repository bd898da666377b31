//! `dsmrd backup`, `restore`, and backups by the clock.
