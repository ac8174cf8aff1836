-- What a store knows, version 3 (PRAGMA user_version). Pictures of plates are files beside the database; everything
-- else is here. All texts are UTF-8, all times seconds: 'mono' since the boot it stands with, 'wall' since 1970 in UTC.
--
-- 'synced' beside a wall time says what it is worth:
--   0  the clock was not synchronised when it was read: may be decades off
--   1  it was
--   2  it was not, and was put right afterwards from the monotonic time (see clock_corrections)
--
-- Tables are narrow and few on purpose: every B-tree that an event touches is another page of 4 KB on the flash.

-- Boots by the kernel's boot id: monotonic times compare within one of them only.
CREATE TABLE boots (
    id      INTEGER PRIMARY KEY,
    boot_id TEXT NOT NULL UNIQUE
) STRICT;

-- A row each time a program opened the store for writing, to understand time and crashes afterwards.
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

CREATE TABLE cameras (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE events (
    seq            INTEGER PRIMARY KEY,   -- the order in which events were recorded; clocks may step, this does not.
                                          -- One more than the highest ever given, see highest_gone
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
    body           TEXT NOT NULL CHECK (json_valid(body)), -- the rest of the event as JSON
    list           TEXT                   -- which list decided, as the body says it too; NULL for none
) STRICT;

CREATE INDEX events_text ON events (text);
-- Every search but for an exact text walks this alone, newest first. It only grows at its end: one page of the flash.
CREATE INDEX events_search ON events (seq, camera, last_wall, list, text);
-- What the limits on crops are summed up from.
CREATE INDEX events_crops ON events (seq, crop_bytes) WHERE crop IS NOT NULL;
-- Empty most of the time: what a clock that was just synchronised puts right.
CREATE INDEX events_unsynced ON events (boot, last_mono) WHERE first_synced = 0 OR last_synced = 0;

-- The highest number of an event that is gone, if it was above those of all that stay: numbers are given once, for whoever
-- follows the events by them. AUTOINCREMENT would write a page of its own with every event; this one does with erasing.
CREATE TABLE highest_gone (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq  INTEGER NOT NULL
) STRICT;

CREATE TRIGGER events_numbered AFTER DELETE ON events
WHEN old.seq > (SELECT coalesce(max(seq), 0) FROM events)
BEGIN
    INSERT OR REPLACE INTO highest_gone (only, seq)
    SELECT 1, max(old.seq, coalesce((SELECT seq FROM highest_gone), 0));
END;

-- Small JPEG pictures: they outlive the crops, having a budget of their own.
CREATE TABLE previews (
    event INTEGER PRIMARY KEY REFERENCES events ON DELETE CASCADE,
    jpeg  BLOB NOT NULL
) STRICT;

CREATE TABLE destinations (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- One row for an event and a destination that has not taken it yet, written in the event's own transaction and removed
-- when it was delivered.
CREATE TABLE outbox (
    destination INTEGER NOT NULL REFERENCES destinations,
    event       INTEGER NOT NULL,            -- events.seq; the trigger below stands for the reference
    camera      INTEGER NOT NULL,            -- of the event: an event waits for earlier ones of its camera only
    attempts    INTEGER NOT NULL DEFAULT 0,  -- that failed
    retry_at    REAL NOT NULL DEFAULT 0,     -- monotonic, of the boot of the latest start; 0 for at once
    error       TEXT,                        -- why the last attempt failed
    PRIMARY KEY (destination, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_backoff ON outbox (destination, retry_at, camera) WHERE retry_at > 0;

-- What a destination refused for good, or what a full outbox had no room for. Replay brings it back.
CREATE TABLE dead_letters (
    destination INTEGER NOT NULL REFERENCES destinations,
    event       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    error       TEXT NOT NULL,
    PRIMARY KEY (destination, event)
) STRICT, WITHOUT ROWID;

-- Whatever removes events, these are never among them: what is still to be sent. A foreign key would have to search
-- the outbox by event, for which it has no index; there are few destinations, so this searches it by its key.
CREATE TRIGGER events_unsent BEFORE DELETE ON events
WHEN EXISTS (SELECT 1 FROM destinations d JOIN outbox o ON o.destination = d.id AND o.event = old.seq)
BEGIN
    SELECT RAISE(ABORT, 'the event is still to be sent');
END;

CREATE TRIGGER events_deleted AFTER DELETE ON events
BEGIN
    DELETE FROM dead_letters WHERE event = old.seq AND destination IN (SELECT id FROM destinations);
END;

-- What was done to the world outside, such as an opened barrier, and why.
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

-- Tracks that did not become an event, in a ring of fixed size: 'why was this plate missed?'
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

-- When the wall clock was known to be right: wall = mono + shift held from 'since' to 'until' of the boot.
CREATE TABLE clock_anchors (
    boot  INTEGER NOT NULL REFERENCES boots,
    since REAL NOT NULL,
    until REAL NOT NULL,
    shift REAL NOT NULL,
    PRIMARY KEY (boot, since)
) STRICT, WITHOUT ROWID;

-- Each time that wall times were put right: which, and by how much.
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

-- Folders in which files may lie that no row claims: named before the first file is written into them, forgotten when
-- the store was closed in good order. A start after a crash looks through these alone.
CREATE TABLE open_folders (
    folder TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Files that no row claims any more and that are still to be removed: written in the transaction that gave them up.
CREATE TABLE doomed_files (
    path TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
