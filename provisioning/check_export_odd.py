"""What check-export shows of a record that is not plain: two meters, one of which is exchanged; the night on which summer
time begins; texts with commas, quotes and line ends; cells that are absent, numbers below zero; minutes whose readings
were given up; nothing at all. InfluxDB's lines are read by the grammar of its line protocol."""

import json
import re
import subprocess
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import pandas
import pyarrow.parquet

TEXTS = ["a, b", 'he said "no"', "one\ntwo", "back\\slash\\", "caf\u00e9 = 1", "", "'"]
FIRST, SECOND = "K8EG004", "E0031\\, 9"
COUNT = 900


def crc(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


def telegram(second, equipment, lines):
    """A telegram of a moment in UTC, counted from an hour before summer time begins."""
    moment = datetime(2026, 3, 29, 0, 0, tzinfo=timezone.utc) + timedelta(seconds=second)
    summer = second >= 3600
    local = (moment + timedelta(hours=2 if summer else 1)).strftime("%y%m%d%H%M%S") + ("S" if summer else "W")
    head = ["/KFM5KAIFA-METER", "", "1-3:0.2.8(50)", f"0-0:1.0.0({local})", f"0-0:96.1.1({equipment.encode().hex()})"]
    body = ("\r\n".join(head + lines) + "\r\n!").encode()
    return body + f"{crc(body):04X}\r\n".encode()


def readings(step, equipments):
    for number in range(COUNT):
        equipment = equipments[number * len(equipments) // COUNT]
        lines = [f"1-0:1.8.1({1000 + number / 1000:010.3f}*kWh)"]
        if number % 3:
            lines.append(f"1-0:1.7.0({number % 7 - 3:07.3f}*kW)")
        if number % 5:
            text = TEXTS[number % len(TEXTS)].encode().hex().upper()
            lines.append(f"0-0:96.13.0({text})")
        yield telegram(number * step, equipment, lines)


def name(text):
    """A measurement, a key or a tag up to what ends it; what is behind it."""
    found = re.match(r"(?:[^,= \\\n]|\\[,= ]|\\(?![,= \n]))+", text)
    assert found, text
    return re.sub(r"\\([,= ])", r"\1", found[0]), text[found.end():]


def point(line):
    """A line of line protocol, as its reference has it: measurement, tags, fields, time."""
    measurement, rest = name(line)
    tags, fields = {}, {}
    while rest.startswith(","):
        key, rest = name(rest[1:])
        value, rest = name(rest[1:])
        tags[key] = value
    separator = " "
    while rest.startswith(separator) and "=" in rest:
        key, rest = name(rest[1:])
        assert rest.startswith("="), line
        found = re.match(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?=[ ,])', rest[1:])
        assert found, line
        value, rest = found[0], rest[1 + found.end():]
        fields[key] = re.sub(r'\\(["\\])', r"\1", value[1:-1]) if value[0] == '"' else Decimal(value)
        separator = ","
    assert fields and re.fullmatch(r" -?[0-9]+", rest), line
    return measurement, tags, fields, int(rest)


def run(scratch, program, check, compare, rows_of):
    database, config = scratch / "odd.sqlite", scratch / "odd.toml"
    # Nobody is at those ports: nothing is added but by us.
    meters = "".join(f'[[meter]]\nname = "{meter}"\nsource = "tcp://127.0.0.1:{port}"\n'
                     for port, meter in ((9, "home"), (10, "garden shed")))
    config.write_text(meters + '[store]\npath = "odd.sqlite"\n[log]\nlevel = "warn"\n')
    for meter, step, equipments in (("home", 10, [FIRST, SECOND]), ("garden shed", 60, ["S1"])):
        recording = scratch / "odd.txt"
        recording.write_bytes(b"".join(readings(step, equipments)))
        subprocess.run([program, "import", "telegrams", "--meter", meter, "--config", config, recording], check=True,
                       stdout=subprocess.DEVNULL)

    def export(file, *arguments):
        path = scratch / file
        subprocess.run([program, "export", "--config", config, "--output", path, *arguments], check=True)
        return path

    def agree(rows, what, *arguments):
        frame = pandas.read_parquet(export("odd.parquet", "--format", "parquet", *arguments))
        compare(rows, frame, f"pandas, {what}, Parquet")
        texts = {key: str for key in frame.columns if any(isinstance(row.get(key), str) for row in rows)
                 and key not in ("time_utc", "end_utc")}
        path = export("odd.csv", *arguments)
        table = pandas.read_csv(path, dtype=texts, parse_dates=["time_utc"])
        compare(rows, table.drop(columns=["proof"], errors="ignore"), f"pandas, {what}, odd.csv")
        read = "count(*), count(DISTINCT meter), typeof(any_value(time_utc)), min(epoch(time_utc))"
        found = duckdb.sql(f"SELECT {read} FROM read_csv('{path}')").fetchall()[0]
        first = min(datetime.fromisoformat(row["time_utc"]).timestamp() for row in rows)
        expected = (len(rows), len({row["meter"] for row in rows}), "TIMESTAMP WITH TIME ZONE", first)
        check(f"DuckDB, {what}: read_csv", found, expected)
        return frame

    rows = rows_of(export("odd.json", "--format", "json"))
    check("odd: readings", len(rows), 2 * COUNT)
    check("odd: meters", {row["meter"] for row in rows}, {"home", "garden shed"})
    check("odd: equipment", {row["equipment_id"] for row in rows}, {FIRST, SECOND, "S1"})
    check("odd: below zero", min(row["power_import"] for row in rows if "power_import" in row), Decimal("-3.000"))
    check("odd: absent", sum("power_import" not in row for row in rows), 2 * COUNT // 3)
    told = {row["message_text"] for row in rows if "message_text" in row}
    # What does not print stays as the meter wrote it.
    check("odd: texts", told, {text if text.isascii() and "\n" not in text else text.encode().hex().upper() for text in TEXTS})
    offsets = [row["time"][-6:] for row in rows if row["meter"] == "home"]
    check("odd: summer time begins", (offsets[0], offsets[-1], len(set(offsets))), ("+01:00", "+02:00", 2))
    frame = agree(rows, "odd")
    check("odd: type of time", str(frame["time"].dtype), "datetime64[ms, UTC]")
    schema = pyarrow.parquet.ParquetFile(scratch / "odd.parquet").schema
    logical = str(schema.column(frame.columns.get_loc("time")).logical_type)
    check("odd: UTC is said", "isAdjustedToUTC=true" in logical, True)
    for resolution in ("minute", "hour", "day"):
        spans = rows_of(export("odd.json", "--format", "json", "--resolution", resolution))
        agree(spans, f"odd {resolution}", "--resolution", resolution)
    day = [row for row in spans if row["meter"] == "garden shed"][0]
    length = datetime.fromisoformat(day["end_utc"]) - datetime.fromisoformat(day["time_utc"])
    check("odd: the day has 23 hours", length, timedelta(hours=23))

    lines = export("odd.lp", "--format", "influx").read_text(encoding="utf-8").splitlines()
    points = [point(line) for line in lines]
    check("odd: points", len(points), len(rows))
    for row, (measurement, tags, fields, moment) in zip(rows, points):
        expected = {key: cell for key, cell in row.items() if key not in ("time", "time_utc", "meter", "equipment_id")}
        check("odd: point", (measurement, tags, fields), ("dsmr", {"meter": row["meter"], "equipment_id": row["equipment_id"]},
                                                          expected))
        check("odd: its time", moment, int(datetime.fromisoformat(row["time_utc"]).timestamp()) * 10**9)
    try:
        from line_protocol_parser import parse_line
    except ImportError:
        parse_line = None
    if parse_line:
        for line, (measurement, tags, fields, moment) in zip(lines, points):
            theirs = parse_line(line)
            check("odd: another parser", (theirs["measurement"], theirs["tags"], theirs["time"]), (measurement, tags, moment))
            check("odd: its fields", theirs["fields"], {key: cell if isinstance(cell, str) else float(cell) for key, cell
                                                        in fields.items()})

    # Nothing at all.
    nothing = ("--from", "2030-01-01")
    check("none: CSV", export("none.csv", *nothing).read_text().count("\n"), 1)
    check("none: JSON", export("none.json", "--format", "json", *nothing).read_bytes(), b"")
    check("none: lines", export("none.lp", "--format", "influx", *nothing).read_bytes(), b"")
    path = export("none.parquet", "--format", "parquet", *nothing)
    check("none: pandas", len(pandas.read_parquet(path)), 0)
    check("none: DuckDB", duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall(), [(0,)])

    # Readings are given up by the appliance itself, behind a commit; it ends with one, if anything came.
    now = '[[meter]]\nname = "now"\nsource = "simulate:"\n'
    config.write_text(now + config.read_text().replace('"odd.sqlite"', '"odd.sqlite"\nraw_days = 1'))
    daemon = subprocess.Popen([program, "run", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(5)
    daemon.terminate()
    check("minutes: the appliance ends well", daemon.wait(), 0)
    stats = subprocess.run([program, "db", "stats", "--format", "json", "--config", config], check=True,
                           capture_output=True).stdout
    levels = {level["kept_as"] for level in json.loads(stats)["levels"]}
    check("minutes: readings are given up", levels, {"minutes", "readings"})
    old = ("--to", "2026-06-01")
    rows = rows_of(export("odd.json", "--format", "json", *old))
    # Those of the shed were a minute apart.
    check("minutes: rows", len(rows), COUNT // 6 + COUNT)
    agree(rows, "minutes", *old)
    spans = rows_of(export("odd.json", "--format", "json", "--resolution", "hour", *old))
    agree(spans, "hours of minutes", "--resolution", "hour", *old)
    try:
        import polars
    except ImportError:
        return
    frame = polars.read_parquet(export("odd.parquet", "--format", "parquet", *old))
    check("polars: rows", frame.height, len(rows))
    check("polars: type of time", str(frame["time"].dtype).startswith("Datetime("), True)
    check("polars: sum", round(frame["energy_import_t1"].sum(), 3), float(sum(row["energy_import_t1"] for row in rows)))
