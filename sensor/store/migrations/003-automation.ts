/**
 * Devices, profiles and the replacement of certificates.
 *
 * What the engine decides by stands in columns; what only its owner reads is JSON of the owner. Times are
 * milliseconds since the epoch; `wake` is when a row is to be looked at again (null: only when somebody acts).
 * A row of event, deployment or certificate_order is never deleted while a person may ask what happened.
 */
export const automation = `
CREATE TABLE device (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  connector TEXT NOT NULL,
  settings TEXT NOT NULL,
  writable INTEGER NOT NULL DEFAULT 0,
  checked INTEGER,
  findings TEXT,
  -- why no sign-in is tried any more: a second refusal may lock the account
  barred TEXT,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE pin (
  device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
  what TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  PRIMARY KEY (device, what)
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  settings TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE profile (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  content TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;

-- a target that is renewed by itself; holds what was last known to be bound there. lookup is the order-free list of
-- its fingerprints: targets that share it share an event
CREATE TABLE managed_target (
  id INTEGER PRIMARY KEY,
  device INTEGER NOT NULL REFERENCES device (id),
  target TEXT NOT NULL,
  profile INTEGER NOT NULL REFERENCES profile (id),
  enabled INTEGER NOT NULL,
  held TEXT NOT NULL,
  lookup TEXT NOT NULL,
  wake INTEGER,
  created INTEGER NOT NULL,
  UNIQUE (device, target)
) STRICT;
CREATE INDEX managed_target_by_wake ON managed_target (wake) WHERE enabled = 1 AND wake IS NOT NULL;
CREATE INDEX managed_target_by_lookup ON managed_target (lookup);

CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  action TEXT NOT NULL,
  profile_name TEXT NOT NULL,
  profile TEXT NOT NULL,
  start INTEGER NOT NULL,
  hours TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  requested INTEGER NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL,
  open INTEGER NOT NULL,
  wake INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  replans INTEGER NOT NULL DEFAULT 0,
  retries INTEGER NOT NULL DEFAULT 0,
  names TEXT,
  hash TEXT,
  approved_hash TEXT,
  approved_by TEXT,
  ended INTEGER
) STRICT;
-- duplicates collapse: at most one open event has a key
CREATE UNIQUE INDEX event_by_key ON event (key) WHERE open = 1;
CREATE INDEX event_open ON event (id) WHERE open = 1;
CREATE INDEX event_by_wake ON event (wake) WHERE wake IS NOT NULL;

CREATE TABLE deployment (
  id INTEGER PRIMARY KEY,
  event INTEGER NOT NULL REFERENCES event (id),
  position INTEGER NOT NULL,
  device INTEGER NOT NULL REFERENCES device (id),
  target TEXT NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL,
  wake INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  since INTEGER NOT NULL,
  trouble INTEGER,
  fault TEXT,
  plan TEXT,
  bound TEXT,
  baseline TEXT,
  began INTEGER,
  live INTEGER,
  UNIQUE (event, position)
) STRICT;
CREATE INDEX deployment_by_target ON deployment (device, target);
CREATE INDEX deployment_by_wake ON deployment (wake) WHERE wake IS NOT NULL;
-- the few that have begun and not ended
CREATE INDEX deployment_under_way ON deployment (device)
  WHERE state IN ('preparing', 'deploying', 'verifying', 'rolling-back', 'cleaning');

CREATE TABLE certificate_order (
  id INTEGER PRIMARY KEY,
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
CREATE INDEX certificate_order_by_fingerprint ON certificate_order (fingerprint) WHERE fingerprint IS NOT NULL;

-- what was done to devices, written before the next step begins; never changed
CREATE TABLE journal (
  id INTEGER PRIMARY KEY,
  deployment INTEGER NOT NULL REFERENCES deployment (id),
  step TEXT NOT NULL,
  what TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX journal_by_deployment ON journal (deployment);

-- who did what to an event, when and why; never changed
CREATE TABLE event_history (
  id INTEGER PRIMARY KEY,
  event INTEGER NOT NULL REFERENCES event (id),
  deployment INTEGER REFERENCES deployment (id),
  certificate_order INTEGER REFERENCES certificate_order (id),
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  state TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT;
CREATE INDEX event_history_by_event ON event_history (event);

-- when a CA wants a certificate to be renewed (RFC 9773)
CREATE TABLE renewal_window (
  fingerprint TEXT PRIMARY KEY,
  begins INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  explanation TEXT,
  asked INTEGER NOT NULL,
  again INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`
