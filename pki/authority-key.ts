import { Fault } from '../core/fault.ts'
import { type DerReader, tags } from './der.ts'
import { readNameKey } from './names.ts'
import { OidTable } from './object-ids.ts'
import { enterExtension, outlineOf } from './outline.ts'
import { hexOf, serialOf } from './values.ts'

/** What a certificate says of the key that signed it (RFC 5280 §4.2.1.1); null where it says nothing. */
export interface AuthorityKey {
  readonly keyId: string | null
  /** name and serial number of the issuer's own certificate */
  readonly issuerKey: string | null
  readonly serial: string | null
}

const extensionId = new OidTable<true>([['2.5.29.35', true]])
const silent: AuthorityKey = { keyId: null, issuerKey: null, serial: null }
const keyIdTag = 0x80
const issuerTag = 0xa1
const serialTag = 0x82
const directoryNameTag = 0xa4
const field = 'authorityKeyIdentifier'

/** The authority key identifier of a certificate; a broken one says nothing. */
export function readAuthorityKey(der: Uint8Array): AuthorityKey {
  const outline = outlineOf(der)
  if (!enterExtension(outline, extensionId)) return silent
  try {
    return readValue(outline.reader)
  } catch (thrown) {
    if (thrown instanceof Fault) return silent
    throw thrown
  }
}

function readValue(reader: DerReader): AuthorityKey {
  reader.open(tags.sequence, field)
  const keyId = reader.optional(keyIdTag, field) ? hexOf(reader) : null
  const issuerKey = reader.ahead() === issuerTag ? readIssuer(reader) : null
  const serial = reader.optional(serialTag, field) ? serialOf(reader, field) : null
  return { keyId, issuerKey, serial }
}

/** the first directory name among the GeneralNames, as a key that is equal for equal names */
function readIssuer(reader: DerReader): string | null {
  let key: string | null = null
  const outer = reader.open(issuerTag, field)
  while (reader.more()) {
    const tag = reader.next(field)
    if (tag !== directoryNameTag || key !== null) continue
    const name = reader.enter()
    key = readNameKey(reader, field)
    reader.close(name, field)
  }
  reader.close(outer, field)
  return key
}
