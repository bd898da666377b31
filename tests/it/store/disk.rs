//! A disk that loses power, tears writes, fails, fills up or takes its time.
