-- How fine a block is: 0 its rows are readings; 1 minutes and 2 quarter-hours, whose readings were given up.
ALTER TABLE block ADD COLUMN level INTEGER NOT NULL DEFAULT 0;

-- Everything about a block but its data. A row of the table lies on a page with the beginning of its data, of which ten
-- years have 350 MB; what tells which blocks there are is read from here, 4 MB of it.
DROP INDEX block_by_hour;
CREATE INDEX block_by_hour ON block (hour, epoch, level, first, last, count, ordered, layout, codec);

-- What the rows of a block come to, column by column, so that long spans are answered without unpacking it; of a block
-- whose readings were given up, what they came to. None for a block that was written before there were summaries.
-- A table of its own: behind the data of a block every page of that would have to be read to come to it.
CREATE TABLE summary (
    block INTEGER PRIMARY KEY REFERENCES block (id) ON DELETE CASCADE,
    data BLOB NOT NULL
) STRICT;

-- The sequence with every bit turned round: what is written here by damage is not taken for a sequence.
ALTER TABLE progress ADD COLUMN guard INTEGER NOT NULL DEFAULT -1;
UPDATE progress SET guard = ~sequence;

-- Imports of other programs' files: how far each has come, so that one that was interrupted goes on.
CREATE TABLE import (
    fingerprint TEXT NOT NULL,      -- of the file: its size and checksums of its beginning and end
    meter TEXT NOT NULL,
    position INTEGER NOT NULL,      -- bytes of the file, unpacked, that are dealt with
    done INTEGER NOT NULL,          -- 1: to the end
    PRIMARY KEY (fingerprint, meter)
) STRICT, WITHOUT ROWID;

-- What someone wrote about a day.
CREATE TABLE note (
    meter TEXT NOT NULL,
    day TEXT NOT NULL,              -- a local date: 2026-10-24
    text TEXT NOT NULL,
    origin TEXT NOT NULL,           -- the program it was written in
    PRIMARY KEY (meter, day, text)
) STRICT, WITHOUT ROWID;

-- What another program had worked out, as it told it: sums and costs of days, peaks, temperatures.
CREATE TABLE inherited (
    meter TEXT NOT NULL,
    kind TEXT NOT NULL,             -- day, quarter_peak, temperature
    start INTEGER NOT NULL,         -- in seconds since 1970-01-01 00:00 UTC
    origin TEXT NOT NULL,           -- the program
    data TEXT NOT NULL,             -- a JSON object with the program's own names
    PRIMARY KEY (meter, kind, start, origin)
) STRICT, WITHOUT ROWID;
