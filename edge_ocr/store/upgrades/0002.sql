-- To search: which list decided as a column, and one narrow index that holds all that is searched by.
ALTER TABLE events ADD COLUMN list TEXT;
UPDATE events SET list = json_extract(body, '$.decision.list') WHERE json_extract(body, '$.decision.list') IS NOT NULL;
CREATE INDEX events_search ON events (seq, camera, last_wall, list, text);
