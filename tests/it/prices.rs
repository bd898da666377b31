//! Contracts, dynamic prices, and the tables they come from.
