import { hash } from 'node:crypto'
import { type KeyFamily, newName } from '../contract.ts'
import { partsOf } from './full-path.ts'
import type { Certificate } from './certificates.ts'

/** Names of the objects that take the place of a pair; they hold the first digits of the new fingerprint. */
export interface NewObjects {
  readonly cert: string
  readonly key: string
  /** made only where no object holds the same chain already */
  readonly chain: string
}

/**
 * The objects of a new pair stand in the partition of the pair that they follow, and bear its name: what is shared by
 * several profiles now is shared by them afterwards, too.
 */
export function newObjects(line: Line, family: KeyFamily): NewObjects {
  const stem = `/${line.partition}/${prefix(line)}${newName(family)}`
  return { cert: `${stem}.crt`, key: `${stem}.key`, chain: `${stem}-chain.crt` }
}

/** The objects of a pair whose key the device makes: they bear the key's id, which is known before the certificate. */
export function madeObjects(line: Line, id: string): NewObjects {
  const stem = `/${line.partition}/${prefix(line)}k${id}`
  return { cert: `${stem}.crt`, key: `${stem}.key`, chain: `${stem}-chain.crt` }
}

/**
 * The line of the keys that are made for a profile: of its own name, since the key is known by it before and after
 * somebody else changes what the profile holds.
 */
export function keyLine(profile: string, family: KeyFamily): Line {
  const { partition, base } = lineOf(profile)
  return { partition, base: `${base}-${family}` }
}

/** Is it a pair whose key the device made? */
export function isMade(fullPath: string): boolean {
  return /-k[0-9a-f]{16}\.(?:crt|key)$/.test(fullPath)
}

/** Pairs that follow each other, each under the name of the first. */
export interface Line {
  readonly partition: string
  readonly base: string
}

const ours = /^tlsward-(?<base>.+)-k?[0-9a-f]{16}\.(?:crt|key)$/

/** The line of an object: of ours, the line that it is in; of others, one that begins with it. */
export function lineOf(fullPath: string): Line {
  const { partition, name } = partsOf(fullPath)
  const last = name.slice(name.lastIndexOf('/') + 1)
  const base = ours.exec(last)?.groups?.['base'] ?? last.replace(/\.(crt|cer|pem|key)$/i, '')
  // names of objects are letters, digits and a few signs; they may be long
  const plain = base.replace(/[^A-Za-z0-9_.-]/g, '_')
  const short =
    plain.length <= 80 ? plain : `${plain.slice(0, 71)}_${hash('sha256', base, 'hex').slice(0, 8)}`
  return { partition, base: short }
}

function prefix({ base }: Line): string {
  return `tlsward-${base}-`
}

/** Was it made by us for this line? The whole name counts: `tlsward-shop-` also begins `tlsward-shop-eu-…` */
export function isOfLine(line: Line, fullPath: string): boolean {
  const { partition, name } = partsOf(fullPath)
  if (partition !== line.partition || !name.startsWith(prefix(line))) return false
  return /^k?[0-9a-f]{16}\.(crt|key)$/.test(name.slice(prefix(line).length))
}

/** `SHA1:<size>:<hex>` of a file's bytes, as the device counts it */
export function checksumOf(text: string): string {
  const bytes = Buffer.from(text)
  return `SHA1:${bytes.length}:${hash('sha1', bytes, 'hex')}`
}

/**
 * The object that holds a chain already, in /Common or in the partition: the same bytes. The first by name, so that
 * it is the same one each time; undefined: none.
 */
export function chainHolder(
  certificates: readonly Certificate[],
  chain: string,
  partition: string
): string | undefined {
  const wanted = checksumOf(chain)
  return certificates
    .filter((one) => one.checksum === wanted && (one.partition === 'Common' || one.partition === partition))
    .map(({ fullPath }) => fullPath)
    .toSorted()[0]
}
