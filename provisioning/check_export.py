"""What check-export does once Python has pandas and DuckDB: fills a record, exports it in every way, and compares what
the tools read with what `dsmrd export --format json` says. Arguments: a scratch folder, and the seconds of the day."""

import json
import os
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import check_export_odd
import duckdb
import pandas
import pyarrow.parquet

scratch, seconds = Path(sys.argv[1]), int(sys.argv[2])
program = os.environ["DSMRD"]
# The day on which summer time ends has an hour twice.
START = "2026-10-25"
checks = 0


def dsmrd(*arguments):
    subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def check(what, found, expected):
    global checks
    checks += 1
    if found != expected:
        sys.exit(f"check-export: {what}: found {found!r}, expected {expected!r}")


def export(name, *arguments):
    path = scratch / name
    dsmrd("export", "--database", database, "--output", path, *arguments)
    return path


def rows_of(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line, parse_float=Decimal) for line in lines]


def utc(text):
    return pandas.Timestamp(datetime.fromisoformat(text.replace("Z", "+00:00"))).tz_convert("UTC")


def is_time(name):
    return name == "time" or name.endswith(("_utc", "_time"))


def compare(rows, frame, what):
    """Every cell of a frame of pandas with that of the JSON."""
    check(f"{what}: rows", len(frame), len(rows))
    for name in frame.columns:
        key = name if any(name in row for row in rows) else next(
            (key for row in rows for key in row if key.replace(".", "_") == name), name)
        expected = [row.get(key) for row in rows]
        found = frame[name].tolist()
        if is_time(name):
            expected = [None if cell is None else utc(cell) for cell in expected]
            found = [None if cell is None or pandas.isna(cell) else pandas.Timestamp(cell).tz_convert("UTC")
                     for cell in found]
        elif all(cell is None or isinstance(cell, (int, Decimal)) for cell in expected):
            expected = [None if cell is None else float(cell) for cell in expected]
            found = [None if cell is None or pandas.isna(cell) else float(cell) for cell in found]
        else:
            # To pandas an empty text of CSV is none.
            empty = None if what.endswith((".csv", ".gz")) else ""
            expected = [empty if cell == "" else cell for cell in expected]
            found = [None if cell is None or pandas.isna(cell) else cell for cell in found]
        check(f"{what}: {name}", found == expected, True)


telegrams, database = scratch / "day.txt", scratch / "dsmrd.sqlite"
dsmrd("simulate", "--seconds", seconds, "--start", START, "--output", telegrams)
config = scratch / "dsmrd.toml"
config.write_text('[[meter]]\nname = "home"\nsource = "simulate:"\n[store]\npath = "dsmrd.sqlite"\n[log]\nlevel = "warn"\n')
dsmrd("replay", "--config", config, "--speed", "max", telegrams)

json_rows = rows_of(export("raw.json", "--format", "json"))
check("readings", len(json_rows), seconds)
numbers = sorted({key for row in json_rows for key, cell in row.items() if isinstance(cell, (int, Decimal))})
exact = {name: sum(row[name] for row in json_rows if name in row) for name in numbers}
first, last = utc(json_rows[0]["time"]), utc(json_rows[-1]["time"])

# Parquet as it is by default: pandas reckons with it at once.
path = export("raw.parquet", "--format", "parquet")
frame = pandas.read_parquet(path)
check("pandas: type of time", str(frame["time"].dtype), "datetime64[ms, UTC]")
for name in numbers:
    check(f"pandas: type of {name}", str(frame[name].dtype), "float64")
    check(f"pandas: sum of {name}", abs(frame[name].sum() - float(exact[name])) < 1e-6 * max(1, abs(float(exact[name]))), True)
compare(json_rows, frame, "pandas, Parquet")
metadata = pyarrow.parquet.read_metadata(path)
check("unit", metadata.metadata[b"unit.power_import"], b"kW")
read = duckdb.sql(f"SELECT count(*), min(epoch(time)), max(epoch(time)), typeof(any_value(time)) FROM '{path}'").fetchall()[0]
check("DuckDB: Parquet", read, (seconds, first.timestamp(), last.timestamp(), "TIMESTAMP WITH TIME ZONE"))

# Exact decimals: DuckDB's sums are those of the digits.
path = export("exact.parquet", "--format", "parquet", "--numbers", "decimal")
for name in numbers:
    found, kind = duckdb.sql(f'SELECT sum("{name}"), typeof(any_value("{name}")) FROM \'{path}\'').fetchall()[0]
    check(f"DuckDB: sum of decimal {name}", found, exact[name])
    check(f"DuckDB: type of {name}", kind.startswith("DECIMAL(18,"), True)
decimals = pandas.read_parquet(path)
check("pandas: decimals", decimals["power_import"].sum(), exact["power_import"])

# CSV, compressed too.
texts = {name: str for name in frame.columns if name not in numbers and not is_time(name)}
for name in ("raw.csv", "raw.csv.gz"):
    path = export(name)
    table = pandas.read_csv(path, dtype=texts, parse_dates=["time_utc"])
    check(f"pandas: type of time_utc in {name}", str(table["time_utc"].dtype).endswith("UTC]"), True)
    compare(json_rows, table.drop(columns=["proof"]), f"pandas, {name}")
    found = duckdb.sql(f"SELECT count(*), CAST(sum(CAST(power_import AS DECIMAL(18, 3))) AS VARCHAR) FROM '{path}'")
    check(f"DuckDB: {name}", found.fetchall()[0], (seconds, str(exact["power_import"])))

# What readings come to.
for resolution in ("minute", "quarter", "hour", "day", "month"):
    rows = rows_of(export("span.json", "--format", "json", "--resolution", resolution))
    path = export("span.parquet", "--format", "parquet", "--resolution", resolution)
    compare(rows, pandas.read_parquet(path), f"pandas, {resolution}")
    check(f"DuckDB: {resolution}", duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0], (len(rows),))


check_export_odd.run(scratch, program, check, compare, rows_of)

sizes = {name: (scratch / name).stat().st_size for name in ("raw.json", "raw.csv", "raw.csv.gz", "raw.parquet", "exact.parquet")}
print(f"{checks} checks passed over {seconds} readings: pandas {pandas.__version__}, DuckDB {duckdb.__version__}")
print("bytes: " + ", ".join(f"{name} {size:,}" for name, size in sizes.items()))
