/**
 * Numbers that the vault knows owners by are never given again: SQLite gives the largest one again once its row is gone,
 * unless the column is AUTOINCREMENT. What was sealed for a device that is gone would be read for the next one.
 *
 * A device that is removed stays as a row, since events tell of it; its name is free. The secrets of an issuer belonged
 * to its name, which comes again: `secrets` is their owner in the vault, the name for the issuers of before.
 *
 * An event of which only the plan is wanted says so: it is over with its plan, and is no renewal that was cancelled.
 *
 * Foreign keys are off while the tables are made anew (sqlite.org/lang_altertable.html §7), and checked afterwards.
 */
export const lastingIds = `
CREATE TABLE device_new (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  connector TEXT NOT NULL,
  settings TEXT NOT NULL,
  writable INTEGER NOT NULL DEFAULT 0,
  checked INTEGER,
  findings TEXT,
  -- why no sign-in is tried any more: a second refusal may lock the account
  barred TEXT,
  created INTEGER NOT NULL,
  removed INTEGER
) STRICT;
INSERT INTO device_new (id, name, connector, settings, writable, checked, findings, barred, created)
  SELECT id, name, connector, settings, writable, checked, findings, barred, created FROM device;
DROP TABLE device;
ALTER TABLE device_new RENAME TO device;
CREATE UNIQUE INDEX device_by_name ON device (name) WHERE removed IS NULL;

CREATE TABLE issuer_new (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  settings TEXT NOT NULL,
  secrets TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;
INSERT INTO issuer_new (id, name, kind, settings, secrets, created)
  SELECT id, name, kind, settings, name, created FROM issuer;
DROP TABLE issuer;
ALTER TABLE issuer_new RENAME TO issuer;

CREATE TABLE certificate_order_new (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event INTEGER NOT NULL REFERENCES event (id),
  key_type TEXT NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL,
  wake INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  spki TEXT,
  csr BLOB,
  memory TEXT,
  fingerprint TEXT,
  chain BLOB,
  not_before INTEGER,
  not_after INTEGER,
  UNIQUE (event, key_type)
) STRICT;
INSERT INTO certificate_order_new (id, event, key_type, state, why, wake, attempts, spki, csr, memory, fingerprint,
    chain, not_before, not_after)
  SELECT id, event, key_type, state, why, wake, attempts, spki, csr, memory, fingerprint, chain, not_before, not_after
  FROM certificate_order;
DROP TABLE certificate_order;
ALTER TABLE certificate_order_new RENAME TO certificate_order;
CREATE INDEX certificate_order_by_fingerprint ON certificate_order (fingerprint) WHERE fingerprint IS NOT NULL;

ALTER TABLE event ADD COLUMN only_plan INTEGER NOT NULL DEFAULT 0;

-- what a write that came too late has left for devices that were gone: nobody may find it
DELETE FROM sealed WHERE owner_kind = 'device' AND owner_id NOT IN (SELECT CAST(id AS TEXT) FROM device);
`
