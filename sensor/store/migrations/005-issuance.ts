/**
 * What issuers keep beside their settings, and when each schedule last began.
 *
 * Keys are not here but in the vault. Times are milliseconds since the epoch.
 */
export const issuance = `
-- certificates that an own CA has signed
CREATE TABLE issued_certificate (
  issuer TEXT NOT NULL,
  serial TEXT NOT NULL,
  certificate BLOB NOT NULL,
  not_after INTEGER NOT NULL,
  revoked INTEGER,
  reason TEXT,
  PRIMARY KEY (issuer, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX issued_certificate_revoked ON issued_certificate (issuer, not_after) WHERE revoked IS NOT NULL;

-- numbers of its revocation lists
CREATE TABLE revocation_list (
  issuer TEXT PRIMARY KEY,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- requests that people take to a CA, and what they hand in
CREATE TABLE certificate_request (
  id TEXT PRIMARY KEY,
  names TEXT NOT NULL,
  pem TEXT NOT NULL,
  file_name TEXT NOT NULL,
  handed_in BLOB
) STRICT, WITHOUT ROWID;

-- certificates that were bought elsewhere; the key of each is in the vault
CREATE TABLE shelved_certificate (
  issuer TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  chain TEXT NOT NULL,
  imported INTEGER NOT NULL,
  PRIMARY KEY (issuer, fingerprint)
) STRICT, WITHOUT ROWID;

-- what an issuer remembers of its account
CREATE TABLE issuer_memory (
  issuer TEXT PRIMARY KEY,
  memory TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE schedule ADD COLUMN begun INTEGER;
`
