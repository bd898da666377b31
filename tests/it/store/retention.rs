//! Readings given up for minutes, minutes for quarter-hours; space that returns.
