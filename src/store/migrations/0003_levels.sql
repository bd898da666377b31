-- How fine a block is: 0 its rows are readings; 1 minutes and 2 quarter-hours, whose readings were given up.
ALTER TABLE block ADD COLUMN level INTEGER NOT NULL DEFAULT 0;

-- What its rows come to, column by column, so that long spans are answered without unpacking it. NULL where it was
-- written before there were summaries.
ALTER TABLE block ADD COLUMN summary BLOB;

-- The sequence with every bit turned round: what is written here by damage is not taken for a sequence.
ALTER TABLE progress ADD COLUMN guard INTEGER NOT NULL DEFAULT -1;
UPDATE progress SET guard = ~sequence;
