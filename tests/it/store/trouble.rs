//! Full, read-only, failing and slow disks: metering goes on.
