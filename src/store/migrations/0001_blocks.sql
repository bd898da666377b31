-- A meter by its name in the configuration and its equipment identifier: a new identifier is a new epoch.
-- The identifier is empty for a meter that does not tell it.
CREATE TABLE epoch (
    id INTEGER PRIMARY KEY,
    meter TEXT NOT NULL,
    equipment_id TEXT NOT NULL,
    UNIQUE (meter, equipment_id)
) STRICT;

-- The names of the columns of a block, one a line in order of the alphabet; few differ, so they are kept once.
CREATE TABLE layout (
    id INTEGER PRIMARY KEY,
    columns TEXT NOT NULL UNIQUE
) STRICT;

-- Packed readings of one epoch whose time lies in one hour. Times are seconds since 1970-01-01 00:00 UTC.
CREATE TABLE block (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL REFERENCES epoch (id),
    hour INTEGER NOT NULL,      -- time / 3600
    first INTEGER NOT NULL,     -- the earliest time in it
    last INTEGER NOT NULL,      -- the latest
    count INTEGER NOT NULL,
    ordered INTEGER NOT NULL,   -- 1: its readings lie in order of time
    layout INTEGER NOT NULL REFERENCES layout (id),
    codec INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;

CREATE INDEX block_by_hour ON block (hour, epoch);

-- The sequence number of the last reading that is in a block: the journal's readings up to it are done with.
CREATE TABLE progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
) STRICT;

INSERT INTO progress (id, sequence) VALUES (1, 0);
