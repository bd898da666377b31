-- What has positions: an energy register of a piece of equipment, or a device on the M-Bus. The counters of a meter
-- came in the order of their ids. Values are decimals as the meter wrote them; times are seconds since
-- 1970-01-01 00:00 UTC.
CREATE TABLE counter (
    id INTEGER PRIMARY KEY,
    meter TEXT NOT NULL,            -- its name in the configuration
    equipment TEXT NOT NULL,        -- the identifier of meter or device, empty for one that told none
    register TEXT NOT NULL,         -- energy_import_t1; gas; gas@2 for a device on channel 2 that told no identifier
    generation INTEGER NOT NULL,    -- how often the register started anew under the same identifier
    unit TEXT NOT NULL,             -- kWh, m3, GJ
    scale INTEGER NOT NULL,         -- digits behind the point of its positions
    first_time INTEGER NOT NULL,    -- the first position that was ever known
    first_value TEXT NOT NULL,
    last_time INTEGER NOT NULL,     -- the last
    last_value TEXT NOT NULL,
    UNIQUE (meter, equipment, register, generation)
) STRICT;

-- The last position known at a quarter-hour. The rows of an hour lie together, whatever they are of, so that
-- few pages are written.
CREATE TABLE position (
    quarter INTEGER NOT NULL,       -- the boundary: time / 900
    counter INTEGER NOT NULL,       -- its id; no reference, which would cost a look-up a row
    value ANY NOT NULL,             -- a whole number at the counter's scale; text where that does not hold it
    age INTEGER NOT NULL,           -- for how many seconds it was known at the boundary
    PRIMARY KEY (quarter, counter)
) STRICT, WITHOUT ROWID;

-- Dynamic prices, without overlap.
CREATE TABLE price (
    kind INTEGER NOT NULL,          -- 0 electricity, 1 electricity that is given, 2 gas
    start INTEGER NOT NULL,         -- from when, in seconds since 1970-01-01 00:00 UTC
    length INTEGER NOT NULL,        -- for how many seconds
    mantissa INTEGER NOT NULL,      -- the price a unit, without its point
    scale INTEGER NOT NULL,         -- digits behind the point
    PRIMARY KEY (kind, start)
) STRICT, WITHOUT ROWID;

-- Whether the positions are those of every block: 0 asks for a rebuild.
ALTER TABLE progress ADD COLUMN totals INTEGER NOT NULL DEFAULT 1;
UPDATE progress SET totals = NOT EXISTS (SELECT 1 FROM block);

-- Rises with every change of a price.
ALTER TABLE progress ADD COLUMN prices INTEGER NOT NULL DEFAULT 0;
