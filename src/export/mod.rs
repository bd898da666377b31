//! Stored readings, written for other programs: CSV, JSON lines, InfluxDB line protocol, Parquet.
