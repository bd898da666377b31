//! Totals as they are told: periods, restarts, costs, peaks.

mod belgium;
mod costs;
mod household;
mod laws;
mod periods;
mod years;
