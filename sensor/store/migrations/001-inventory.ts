/**
 * The inventory and the scans.
 *
 * What a million endpoints share is kept once: an endpoint points to a *state* (what it answered: version,
 * cipher, chains), a state to chains, a chain to certificates, and findings hang where the fact is. So a new
 * endpoint is one short row and two index entries, and an unchanged one is two numbers.
 *
 * Times are milliseconds since the epoch. `begins` and `ends` of a finding, and `expires` of a state, use 0
 * and 8640000000000000 (the last moment a date can hold) for "always" and "never", so that comparisons need no
 * null. IPv4 addresses are integers and IPv6 addresses 16-byte blobs: SQLite sorts integers before blobs, so
 * that the order is IPv4, then IPv6, each numeric.
 */
export const inventory = `
CREATE TABLE certificate (
  id INTEGER PRIMARY KEY,
  fingerprint BLOB NOT NULL UNIQUE,
  label TEXT NOT NULL,
  subject TEXT NOT NULL,
  issuer TEXT NOT NULL,
  serial TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  key_type TEXT NOT NULL,
  key_bits INTEGER NOT NULL,
  curve TEXT,
  signature_algorithm TEXT NOT NULL,
  spki BLOB NOT NULL,
  subject_key_id BLOB,
  authority_key_id BLOB,
  is_ca INTEGER NOT NULL,
  self_issued INTEGER NOT NULL,
  trust TEXT,
  first_seen INTEGER NOT NULL,
  search TEXT NOT NULL
) STRICT;
CREATE INDEX certificate_by_key ON certificate (spki);
CREATE INDEX certificate_by_subject_key ON certificate (subject_key_id) WHERE subject_key_id IS NOT NULL;

CREATE TABLE certificate_der (
  certificate INTEGER PRIMARY KEY REFERENCES certificate (id),
  der BLOB NOT NULL
) STRICT;

-- DNS names with their labels reversed (com.example.www), so that one index answers exact names and suffixes
CREATE TABLE certificate_name (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  certificate INTEGER NOT NULL REFERENCES certificate (id),
  PRIMARY KEY (kind, value, certificate)
) STRICT, WITHOUT ROWID;

-- sub-strings of subject and names: which certificates have these three letters; the text itself stays in
-- certificate, where candidates are checked
CREATE VIRTUAL TABLE certificate_text USING fts5 (
  text, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1'
);

CREATE TABLE chain (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  leaf INTEGER NOT NULL REFERENCES certificate (id),
  verdict TEXT NOT NULL
) STRICT;
CREATE INDEX chain_by_leaf ON chain (leaf);

CREATE TABLE chain_member (
  chain INTEGER NOT NULL REFERENCES chain (id),
  position INTEGER NOT NULL,
  certificate INTEGER NOT NULL REFERENCES certificate (id),
  PRIMARY KEY (chain, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX chain_member_by_certificate ON chain_member (certificate);

CREATE TABLE state (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  outcome TEXT NOT NULL,
  starttls TEXT,
  version INTEGER,
  cipher INTEGER,
  alert INTEGER,
  client_certificate INTEGER,
  chain INTEGER REFERENCES chain (id),
  other_chain INTEGER REFERENCES chain (id),
  twin_unasked INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  label TEXT NOT NULL
) STRICT;
CREATE INDEX state_by_label ON state (label);
CREATE INDEX state_by_chain ON state (chain);
CREATE INDEX state_by_other_chain ON state (other_chain) WHERE other_chain IS NOT NULL;

-- expires is that of the state, so that the order below needs no look at it. Scans are not declared as foreign
-- keys: the look-ups would cost more than the row.
CREATE TABLE endpoint (
  id INTEGER PRIMARY KEY,
  address ANY NOT NULL,
  port INTEGER NOT NULL,
  name TEXT NOT NULL,
  state INTEGER NOT NULL REFERENCES state (id),
  expires INTEGER NOT NULL,
  presence INTEGER NOT NULL,
  why TEXT,
  since INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  first_scan INTEGER NOT NULL,
  last_scan INTEGER NOT NULL,
  banner TEXT,
  owner TEXT,
  UNIQUE (address, port, name)
) STRICT;
CREATE INDEX endpoint_by_name ON endpoint (name) WHERE name <> '';
CREATE INDEX endpoint_by_owner ON endpoint (owner) WHERE owner IS NOT NULL;

-- Present endpoints in the order in which they expire; also the way from a state to its endpoints. It is an index
-- that is filled by thousands of endpoints at a time, in order: filling it with each batch would rewrite half of
-- its pages for each. Endpoints with ids above settled.endpoint are not in it yet, and readers look at those
-- beside it.
CREATE TABLE endpoint_order (
  expires INTEGER NOT NULL,
  state INTEGER NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY (expires, state, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE settled (endpoint INTEGER NOT NULL) STRICT;
INSERT INTO settled VALUES (0);

CREATE TABLE endpoint_tag (
  tag TEXT NOT NULL,
  endpoint INTEGER NOT NULL REFERENCES endpoint (id),
  PRIMARY KEY (tag, endpoint)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoint_tag_by_endpoint ON endpoint_tag (endpoint);

-- what an endpoint was before; what it is now stands in endpoint. scan is the one that saw the change
CREATE TABLE history (
  id INTEGER PRIMARY KEY,
  endpoint INTEGER NOT NULL REFERENCES endpoint (id),
  state INTEGER NOT NULL REFERENCES state (id),
  presence INTEGER NOT NULL,
  why TEXT,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  scan INTEGER NOT NULL
) STRICT;
CREATE INDEX history_by_endpoint ON history (endpoint);
CREATE INDEX history_by_scan ON history (scan, endpoint);

CREATE TABLE finding (
  kind TEXT NOT NULL,
  subject INTEGER NOT NULL,
  code TEXT NOT NULL,
  begins INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  severity TEXT NOT NULL,
  reason TEXT NOT NULL,
  facts TEXT NOT NULL,
  PRIMARY KEY (kind, subject, code, begins)
) STRICT, WITHOUT ROWID;
-- holds all that decides whether a finding is wanted and holds: the long columns are not read for that
CREATE INDEX finding_by_code ON finding (code, severity, ends);

-- parent: the scan that found where the names of this one were asked for
CREATE TABLE scan (
  id INTEGER PRIMARY KEY,
  request TEXT NOT NULL,
  space TEXT NOT NULL,
  seed INTEGER NOT NULL,
  parent INTEGER REFERENCES scan (id),
  state TEXT NOT NULL,
  lock TEXT NOT NULL,
  started INTEGER NOT NULL,
  last_progress INTEGER NOT NULL,
  ended INTEGER,
  endpoints_before INTEGER NOT NULL,
  connections INTEGER NOT NULL DEFAULT 0,
  seen INTEGER NOT NULL DEFAULT 0,
  certificates INTEGER NOT NULL DEFAULT 0,
  added INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0,
  gone INTEGER NOT NULL DEFAULT 0,
  returned INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX scan_by_parent ON scan (parent) WHERE parent IS NOT NULL;

CREATE TABLE scan_count (
  scan INTEGER NOT NULL REFERENCES scan (id),
  outcome TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (scan, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE scan_cursor (
  scan INTEGER NOT NULL REFERENCES scan (id),
  shard INTEGER NOT NULL,
  low INTEGER NOT NULL,
  done BLOB NOT NULL,
  PRIMARY KEY (scan, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedule (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  targets TEXT NOT NULL,
  ports TEXT NOT NULL,
  pace TEXT NOT NULL,
  window TEXT,
  recurrence TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`
