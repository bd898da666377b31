//! What the real DSMR-reader published for a recorded feed, beside what dsmrd publishes for it.
