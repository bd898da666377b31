//! From readings to positions at boundaries: sums that equal the registers, whatever clocks and meters do.
