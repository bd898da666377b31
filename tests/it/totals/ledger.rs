//! Periods, peaks and costs as they are told with each reading.
