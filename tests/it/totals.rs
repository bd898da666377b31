//! What the numbers come to over time.

mod books;
mod ledger;
mod tally;
