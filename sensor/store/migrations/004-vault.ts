/**
 * What is kept sealed: credentials of devices, keys of accounts, private authorities and orders under way.
 *
 * `sealed_key` holds the key that seals the records, itself sealed (wrapped) by a key that is not in the database;
 * `source` says what that other key is made from, as JSON of the vault. The foreign key makes it impossible that a
 * record stays whose key is gone. Times are milliseconds since the epoch.
 */
export const vault = `
CREATE TABLE sealed_key (
  version INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  wrapped BLOB NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE sealed (
  id INTEGER PRIMARY KEY,
  owner_kind TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  field TEXT NOT NULL,
  key_version INTEGER NOT NULL REFERENCES sealed_key (version),
  blob BLOB NOT NULL,
  changed INTEGER NOT NULL,
  UNIQUE (owner_kind, owner_id, field)
) STRICT;
CREATE INDEX sealed_by_key ON sealed (key_version);
`
