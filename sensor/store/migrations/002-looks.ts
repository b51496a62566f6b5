/**
 * What closer looks showed: the latest report of each kind about a place or a certificate, and the one before it
 * that differed. A place need not be an endpoint (SSH is none). `report` is JSON of the caller, `digest` that of
 * what counts in it: costs and times differ with each look. `since` is when the report first said the same.
 */
export const looks = `
CREATE TABLE place_look (
  id INTEGER PRIMARY KEY,
  address ANY NOT NULL,
  port INTEGER NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  latest INTEGER NOT NULL,
  digest BLOB NOT NULL,
  since INTEGER NOT NULL,
  at INTEGER NOT NULL,
  scan INTEGER NOT NULL,
  report TEXT NOT NULL,
  UNIQUE (address, port, name, kind, latest)
) STRICT;

CREATE TABLE certificate_look (
  id INTEGER PRIMARY KEY,
  certificate INTEGER NOT NULL REFERENCES certificate (id),
  kind TEXT NOT NULL,
  latest INTEGER NOT NULL,
  digest BLOB NOT NULL,
  since INTEGER NOT NULL,
  at INTEGER NOT NULL,
  scan INTEGER NOT NULL,
  report TEXT NOT NULL,
  UNIQUE (certificate, kind, latest)
) STRICT;
`
