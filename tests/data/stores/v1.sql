PRAGMA application_id=1701798770;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE attempts (
    slot       INTEGER PRIMARY KEY,      -- 0 up to the ring's size; rewritten in place
    number     INTEGER NOT NULL UNIQUE,  -- counts on for ever
    camera     INTEGER NOT NULL REFERENCES cameras,
    boot       INTEGER NOT NULL REFERENCES boots,
    mono       REAL NOT NULL,
    wall       REAL NOT NULL,
    synced     INTEGER NOT NULL CHECK (synced IN (0, 1, 2)),
    reason     TEXT NOT NULL,
    text       TEXT NOT NULL,            -- the best guess, as privacy left it; may be empty
    confidence REAL NOT NULL,
    reads      INTEGER NOT NULL,
    unread     INTEGER NOT NULL,
    jpeg       BLOB                      -- NULL where privacy forbids pictures
) STRICT;
INSERT INTO "attempts" VALUES(1,1,1,1,220.0,1700000120.0,1,'few reads','X',0.4,7,3,NULL);
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY,
    event  TEXT,           -- events.id; NULL for what a person or a timer did. Outlives the event.
    boot   INTEGER NOT NULL REFERENCES boots,
    mono   REAL NOT NULL,
    wall   REAL NOT NULL,
    synced INTEGER NOT NULL CHECK (synced IN (0, 1, 2)),
    actor  TEXT NOT NULL,  -- the destination or command
    action TEXT NOT NULL,  -- open, refused, dry-run, ...
    reason TEXT NOT NULL
) STRICT;
INSERT INTO "audit" VALUES(1,'two',1,220.0,1700000120.0,1,'relay','open','on the list ''allow''');
CREATE TABLE boots (
    id      INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "boots" VALUES(1,'fake-boot');
CREATE TABLE cameras (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "cameras" VALUES(1,'gate');
CREATE TABLE clock_anchors (
    boot  INTEGER NOT NULL REFERENCES boots,
    since REAL NOT NULL,
    until REAL NOT NULL,
    shift REAL NOT NULL,
    PRIMARY KEY (boot, since)
) STRICT, WITHOUT ROWID;
INSERT INTO "clock_anchors" VALUES(1,100.0,220.0,1699999900.0);
CREATE TABLE clock_corrections (
    id        INTEGER PRIMARY KEY,
    boot      INTEGER NOT NULL REFERENCES boots,
    mono_from REAL NOT NULL,     -- of the events put right
    mono_to   REAL NOT NULL,
    events    INTEGER NOT NULL,
    added_min REAL NOT NULL,     -- seconds that were added to their wall times
    added_max REAL NOT NULL,
    mono      REAL NOT NULL,     -- when this was done
    wall      REAL NOT NULL
) STRICT;
CREATE TABLE dead_letters (
    destination INTEGER NOT NULL REFERENCES destinations,
    event       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    error       TEXT NOT NULL,
    PRIMARY KEY (destination, event)
) STRICT, WITHOUT ROWID;
CREATE TABLE destinations (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "destinations" VALUES(1,'mqtt');
INSERT INTO "destinations" VALUES(2,'webhook');
CREATE TABLE doomed_files (
    path TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    seq            INTEGER PRIMARY KEY,   -- the order in which events were recorded; clocks may step, this does not
    id             TEXT NOT NULL UNIQUE,  -- UUIDv7; the idempotency key of every delivery
    camera         INTEGER NOT NULL REFERENCES cameras,
    text           TEXT NOT NULL,         -- as privacy left it
    boot           INTEGER NOT NULL REFERENCES boots,
    first_mono     REAL NOT NULL,
    first_wall     REAL NOT NULL,
    first_synced   INTEGER NOT NULL CHECK (first_synced IN (0, 1, 2)),
    last_mono      REAL NOT NULL,
    last_wall      REAL NOT NULL,
    last_synced    INTEGER NOT NULL CHECK (last_synced IN (0, 1, 2)),
    first_wall_raw REAL,                  -- what the clock said, where first_wall was put right
    last_wall_raw  REAL,
    crop           TEXT,                  -- file, relative to the store's folder; NULL if none was kept
    crop_bytes     INTEGER NOT NULL DEFAULT 0,
    body           TEXT NOT NULL CHECK (json_valid(body))  -- the rest of the event as JSON
) STRICT;
INSERT INTO "events" VALUES(1,'one',1,'AB12',1,100.0,1700000000.0,1,100.0,1700000000.0,1,NULL,NULL,NULL,0,'{"id":0,"camera":0,"kind":"plate","text":0,"confidence":0.9,"reads":5,"unread":0,"region":"nl","first":0,"last":9,"direction":null,"quad":[[1.0,2.0],[31.0,2.0],[31.0,12.0],[1.0,12.0]],"crop":0,"crop_frame":4,"alternatives":[],"list":null,"decision":null}');
INSERT INTO "events" VALUES(2,'two',1,'CD34',1,160.0,1700000060.0,1,160.0,1700000060.0,1,NULL,NULL,NULL,0,'{"id":0,"camera":0,"kind":"plate","text":0,"confidence":0.9,"reads":5,"unread":0,"region":"nl","first":0,"last":9,"direction":null,"quad":[[1.0,2.0],[31.0,2.0],[31.0,12.0],[1.0,12.0]],"crop":0,"crop_frame":4,"alternatives":[],"list":"CD34","decision":{"action":"open","explanation":"on the list ''allow''","list":"allow","entry":"CD34","name":"the milk van","distance":0.0}}');
INSERT INTO "events" VALUES(3,'three',1,'EF56',1,220.0,1700000120.0,1,220.0,1700000120.0,1,NULL,NULL,NULL,0,'{"id":0,"camera":0,"kind":"plate","text":0,"confidence":0.9,"reads":5,"unread":0,"region":"nl","first":0,"last":9,"direction":null,"quad":[[1.0,2.0],[31.0,2.0],[31.0,12.0],[1.0,12.0]],"crop":0,"crop_frame":4,"alternatives":[],"list":null,"decision":null}');
CREATE TABLE open_folders (
    folder TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (
    destination INTEGER NOT NULL REFERENCES destinations,
    event       INTEGER NOT NULL,            -- events.seq; the trigger below stands for the reference
    camera      INTEGER NOT NULL,            -- of the event: an event waits for earlier ones of its camera only
    attempts    INTEGER NOT NULL DEFAULT 0,  -- that failed
    retry_at    REAL NOT NULL DEFAULT 0,     -- monotonic, of the boot of the latest start; 0 for at once
    error       TEXT,                        -- why the last attempt failed
    PRIMARY KEY (destination, event)
) STRICT, WITHOUT ROWID;
INSERT INTO "outbox" VALUES(1,2,1,0,0.0,NULL);
INSERT INTO "outbox" VALUES(2,2,1,0,0.0,NULL);
CREATE TABLE previews (
    event INTEGER PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    jpeg  BLOB NOT NULL
) STRICT;
CREATE TABLE starts (
    id      INTEGER PRIMARY KEY,
    boot    INTEGER NOT NULL REFERENCES boots,
    mono    REAL NOT NULL,
    wall    REAL NOT NULL,
    synced  INTEGER NOT NULL CHECK (synced IN (0, 1)),
    program TEXT NOT NULL,     -- name and version
    events  INTEGER NOT NULL,  -- the number of the last event before it, 0 without one
    ended   REAL               -- monotonic; NULL while it runs, and for ever if it was killed
) STRICT;
INSERT INTO "starts" VALUES(1,1,100.0,1700000000.0,1,'edge-ocr, not installed',0,220.0);
CREATE INDEX events_text ON events (text);
CREATE INDEX events_crops ON events (seq, crop_bytes) WHERE crop IS NOT NULL;
CREATE INDEX events_unsynced ON events (boot, last_mono) WHERE first_synced = 0 OR last_synced = 0;
CREATE INDEX outbox_backoff ON outbox (destination, retry_at, camera) WHERE retry_at > 0;
CREATE TRIGGER events_unsent BEFORE DELETE ON events
WHEN EXISTS (SELECT 1 FROM destinations d JOIN outbox o ON o.destination = d.id AND o.event = old.seq)
BEGIN
    SELECT RAISE(ABORT, 'the event is still to be sent');
END;
CREATE TRIGGER events_deleted AFTER DELETE ON events
BEGIN
    DELETE FROM dead_letters WHERE event = old.seq AND destination IN (SELECT id FROM destinations);
END;
COMMIT;
