//! Totals through the whole appliance: restarts, reloads, prices that change.
