//! Contracts, dynamic prices, and the tables they come from.

/// Money: exact sums and products.
mod amount;

/// Slots by their time: the price at any instant is that of the slot that was inserted last.
mod table;
