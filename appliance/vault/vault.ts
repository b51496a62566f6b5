import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import type { SealedKey, SealedRecord, SealedStore } from '../../sensor/store/sealed.ts'
import { type Opener, newDataKey, newOpener, openerOf, unwrapped, wrapped } from './data-key.ts'
import { type About, type SealingKey, seal, unseal } from './envelope.ts'
import { type KeySource, readOpening } from './key-source.ts'
import { type Reference, formatReference, parseReference } from './reference.ts'

/** What secrets belong to. */
export interface Owner {
  /** a device (credentials), an account or issuer (keys), a private authority (its key), an order under way (its key) */
  readonly kind: 'device' | 'account' | 'authority' | 'order'
  readonly id: string
}

/** What a vault is made of. */
export interface VaultParts {
  readonly store: SealedStore
  readonly source: KeySource
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  /** reads the value that a reference points to */
  readonly follow: (reference: Reference) => Promise<Secret>
}

/** How the vault stands; no secret. */
export interface VaultStatus {
  readonly source: KeySource['kind']
  readonly keyVersion: number
  /** when the present key was made, milliseconds */
  readonly keyCreated: number
  readonly records: number
}

/** Secrets by owner and field. Everything is on the disk when a function returns, or nothing of it. */
export type Vault = Awaited<ReturnType<typeof openVault>>

/**
 * Opens the vault of a store; the first use seals it with the source that is given. Faults: vault-locked,
 * vault-key-unsafe, vault-source-malformed, vault-broken, file-unwritable, and those of the store.
 */
export async function openVault(parts: VaultParts) {
  const { store, random } = parts
  if (store.key() === undefined) await sealFirst(parts)
  const row = store.key()
  if (!row) throw new Fault('internal', 'vault: the key that was just stored is not there')
  const keys = openKeys(parts, await openerOf(parts.source, row.source), row)
  return {
    ...readers(parts, keys),
    ...writers(parts, keys),
    /** forgets everything of an owner; gives the number of its fields */
    drop: (owner: Owner): number => store.drop(ownerOf(owner)),
    status: (): VaultStatus => {
      const { version, created, source } = keys.row()
      const { kind } = readOpening(source)
      return { source: kind, keyVersion: version, keyCreated: created, records: store.count() }
    },
    /**
     * Seals everything anew with a new key, in one transaction, and forgets the old key. For when somebody may have
     * had the old one: a copy of the database and its source together. Faults: vault-broken names a record that
     * does not open; nothing is changed then.
     */
    rotate: (): void => rotate(parts, keys),
    /**
     * Has another source open the vault from now on. The records stay as they are, so that whoever has the old
     * source and an older copy of the database still has their key: rotate as well when the old source is lost to
     * somebody. Faults as of openVault.
     */
    async changeSource(source: KeySource): Promise<void> {
      const opener = await newOpener(source, random)
      store.durably(() => {
        const { created } = keys.row()
        const key = wrapped(keys.current(), opener, { created, random })
        store.rewrap(key.version, key.source, key.wrapped)
      })
      keys.openWith(opener)
      store.settle()
    }
  }
}

/** What kind of source opens a vault, without opening it; undefined before its first use. Faults: vault-broken. */
export function sealedBy(store: Pick<SealedStore, 'key'>): KeySource['kind'] | undefined {
  const row = store.key()
  return row && readOpening(row.source).kind
}

function writers({ store, clock, random }: VaultParts, keys: Keys) {
  const put = (owner: Owner, field: string, given: Secret | Reference): void => {
    const plain = plainOf(given)
    store.durably(() => {
      const key = keys.current()
      const record = { ...placeOf(owner, field), keyVersion: key.version, changed: clock.now() }
      store.put({ ...record, blob: seal(key, plain, aboutOf(record), random) })
    })
    plain.fill(0)
  }
  return {
    /** keeps a secret, or where it is to be read when it is used, instead of what was there */
    put,
    /** keeps a secret where there is none. Faults: secret-exists */
    add(owner: Owner, field: string, given: Secret): void {
      store.durably(() => {
        if (!store.get(placeOf(owner, field))) return put(owner, field, given)
        const message = `vault: a ${field} of ${owner.kind} ${owner.id} is kept already, and is not replaced; drop it first`
        throw new Fault('secret-exists', message, { owner: owner.kind, id: owner.id, field })
      })
    }
  }
}

function readers({ store, follow }: VaultParts, keys: Keys) {
  const open = (owner: Owner, field: string): Secret | Reference => {
    const record = store.get(placeOf(owner, field))
    if (record) return givenOf(unsealed(record, keys.of(record.keyVersion)))
    const message = `vault: no ${field} is kept for ${owner.kind} ${owner.id}; give it`
    throw new Fault('secret-missing', message, { owner: owner.kind, id: owner.id, field })
  }
  return {
    /** a secret that is kept here. Faults: secret-missing, vault-broken, vault-locked */
    get(owner: Owner, field: string): Secret {
      const given = open(owner, field)
      if (given instanceof Secret) return given
      const message = `vault: ${field} of ${owner.kind} ${owner.id} is a reference, where only a value is expected`
      throw new Fault('internal', message)
    },
    /** a secret that is kept here, or read now from where its reference points. Faults: those of get and of `follow` */
    async read(owner: Owner, field: string): Promise<Secret> {
      const given = open(owner, field)
      return given instanceof Secret ? given : follow(given)
    },
    /** a secret as it is given, or read now from where a reference points. Faults: those of `follow` */
    resolve: async (given: Secret | Reference): Promise<Secret> =>
      given instanceof Secret ? given : follow(given),
    has: (owner: Owner, field: string): boolean => store.get(placeOf(owner, field)) !== undefined,
    /** where the value of a field is read when it is used; null when it is kept here. Faults: those of get */
    reference(owner: Owner, field: string): string | null {
      const given = open(owner, field)
      return given instanceof Secret ? null : formatReference(given)
    },
    /** what is kept for an owner and when it was given, never the values */
    fields: (owner: Owner) => store.fields(ownerOf(owner))
  }
}

async function sealFirst({ store, source, clock, random }: VaultParts): Promise<void> {
  const opener = await newOpener(source, random)
  store.durably(() => {
    // another process can have done it meanwhile
    if (store.key()) return
    store.addKey(wrapped(newDataKey(1, random), opener, { created: clock.now(), random }))
  })
}

type Keys = ReturnType<typeof openKeys>

/** The keys in memory. Another process may rotate: a version that is not known is looked up. */
function openKeys({ store }: VaultParts, first: Opener, row: SealedKey) {
  let opener = first
  let held = unwrapped(row, opener)
  const present = (): SealedKey => {
    const row = store.key()
    if (row) return row
    throw new Fault('vault-broken', 'vault: its key is gone from the database; restore a backup')
  }
  const checkedOpener = (row: SealedKey): Opener => {
    if (row.source === opener.text) return opener
    const message = 'vault: another process changed what opens it; start this one again with the new source'
    throw new Fault('vault-locked', message)
  }
  const current = (): SealingKey => {
    const row = present()
    return row.version === held.version ? held : (held = unwrapped(row, checkedOpener(row)))
  }
  return {
    row: present,
    current,
    /** the key of a record; where there is none of its version, the present one, with which it does not open */
    of: (version: number): SealingKey => (version === held.version ? held : current()),
    opener: () => checkedOpener(present()),
    openWith: (next: Opener) => void (opener = next),
    hold: (key: SealingKey) => void (held = key)
  }
}

/** records that are sealed anew at a time: what is in memory meanwhile */
const page = 256

function rotate({ store, clock, random }: VaultParts, keys: Keys): void {
  const next = store.durably(() => {
    const old = keys.current()
    const key = newDataKey(old.version + 1, random)
    store.addKey(wrapped(key, keys.opener(), { created: clock.now(), random }))
    for (let rows = store.page(0, page); rows.length > 0; rows = store.page(rows.at(-1)?.id ?? 0, page)) {
      for (const row of rows) {
        const plain = unsealed(row, old)
        store.reseal(
          row.id,
          key.version,
          seal(key, plain, aboutOf({ ...row, keyVersion: key.version }), random)
        )
        plain.fill(0)
      }
    }
    store.dropKeysBefore(key.version)
    return key
  })
  keys.hold(next)
  store.settle()
}

function unsealed(record: SealedRecord, key: SealingKey): Buffer {
  const plain = record.keyVersion === key.version ? unseal(key, record.blob, aboutOf(record)) : undefined
  if (plain) return plain
  const { ownerKind, ownerId, field } = record
  const message =
    `vault: ${field} of ${ownerKind} ${ownerId} does not open: it was altered, or belongs elsewhere; ` +
    'give it again, or restore a backup'
  throw new Fault('vault-broken', message, { owner: ownerKind, id: ownerId, field })
}

const ownerOf = ({ kind, id }: Owner) => ({ ownerKind: kind, ownerId: id })
const placeOf = (owner: Owner, field: string) => ({ ...ownerOf(owner), field })

const aboutOf = ({
  ownerKind,
  ownerId,
  field,
  keyVersion
}: Omit<SealedRecord, 'blob' | 'changed'>): About => ['record', ownerKind, ownerId, field, String(keyVersion)]

// first byte of what is sealed
const value = 0
const reference = 1

function plainOf(given: Secret | Reference): Buffer {
  const [kind, text] = given instanceof Secret ? [value, given.reveal()] : [reference, formatReference(given)]
  return Buffer.concat([Buffer.of(kind), Buffer.from(text)])
}

function givenOf(plain: Buffer): Secret | Reference {
  const text = plain.toString('utf8', 1)
  const kind = plain[0]
  plain.fill(0)
  return kind === reference ? parseReference(text) : new Secret(text)
}
