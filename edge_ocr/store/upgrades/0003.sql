-- Numbers are given once, also after the newest event was erased or all of them grew old. What earlier starts knew counts.
CREATE TABLE highest_gone (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq  INTEGER NOT NULL
) STRICT;
INSERT INTO highest_gone (only, seq) SELECT 1, coalesce(max(events), 0) FROM starts;
CREATE TRIGGER events_numbered AFTER DELETE ON events
WHEN old.seq > (SELECT coalesce(max(seq), 0) FROM events)
BEGIN
    INSERT OR REPLACE INTO highest_gone (only, seq)
    SELECT 1, max(old.seq, coalesce((SELECT seq FROM highest_gone), 0));
END;
