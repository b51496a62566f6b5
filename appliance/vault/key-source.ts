import { argon2, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Type, type Static } from 'typebox'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { parser } from '../../core/schema.ts'
import type { Secret } from '../../core/secret.ts'
import { keyLength } from './envelope.ts'
import { makeKeyFile, readKeyFile } from './key-file.ts'

/**
 * What opens the vault. A *file* protects a copy of the database, not a stolen disk that holds both. A *passphrase*
 * protects both, and somebody has to give it at each start. A *systemd credential* is decrypted by systemd for this
 * service only, and can be bound to the TPM of the machine (systemd-creds encrypt --with-key=host+tpm2).
 */
export type KeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'passphrase'; readonly passphrase: Secret }
  /** `directory`: $CREDENTIALS_DIRECTORY of the service, undefined outside of one */
  | { readonly kind: 'systemd-credential'; readonly name: string; readonly directory: string | undefined }

const Salt = Type.String({ pattern: '^[0-9a-f]{32}$' })

const Opening = Type.Union([
  Type.Object({ kind: Type.Literal('file'), salt: Salt }, { additionalProperties: false }),
  Type.Object({ kind: Type.Literal('systemd-credential'), salt: Salt }, { additionalProperties: false }),
  Type.Object(
    {
      kind: Type.Literal('passphrase'),
      salt: Salt,
      /** KiB; bounded, because whoever can write the database could make us fill the memory */
      memory: Type.Integer({ minimum: 1024, maximum: 1 << 20 }),
      passes: Type.Integer({ minimum: 1, maximum: 32 }),
      parallelism: Type.Integer({ minimum: 1, maximum: 32 })
    },
    { additionalProperties: false }
  )
])

/** How the vault is opened, as it is kept beside the key that it opens: no secret. */
export type Opening = Static<typeof Opening>

const parseOpening = parser(Opening, 'vault-broken')

// RFC 9106 §4, the second recommended option; about an eighth of a second on two cores
const argon2Cost = { memory: 64 * 1024, passes: 3, parallelism: 4 } as const

/** A shorter one can be guessed, whatever the derivation costs. */
const shortestPassphrase = 12

/** Bytes of a systemd credential that make a key. */
const shortestCredential = 32

const derive = promisify(argon2)

/** How a vault that is sealed now will be opened by `source`; makes the key file where there is none. */
export function newOpening(source: KeySource, random: Random): Opening {
  const salt = Buffer.from(random.bytes(16)).toString('hex')
  if (source.kind === 'file') makeKeyFile(source.path, random)
  if (source.kind !== 'passphrase') return { kind: source.kind, salt }
  if (source.passphrase.reveal().length < shortestPassphrase) {
    const message = `vault: the passphrase is too short; give one of at least ${shortestPassphrase} characters`
    throw new Fault('vault-source-malformed', message)
  }
  return { kind: 'passphrase', salt, ...argon2Cost }
}

/** An opening as it is kept. Faults: vault-broken. */
export function readOpening(text: string): Opening {
  try {
    return parseOpening(JSON.parse(text))
  } catch (error) {
    const message = 'vault: what is kept about its key is damaged; restore a backup'
    throw new Fault('vault-broken', message, {}, error)
  }
}

/**
 * The key that opens the vault (256 bits). Faults: vault-locked when the source is of another kind or not there,
 * vault-key-unsafe, vault-source-malformed.
 */
export async function openingKey(source: KeySource, opening: Opening): Promise<KeyObject> {
  const salt = Buffer.from(opening.salt, 'hex')
  if (source.kind === 'passphrase' && opening.kind === 'passphrase') {
    const { memory, passes, parallelism } = opening
    // the same characters, whichever way the keyboard composes them (RFC 8265 §4.2.2)
    const message = Buffer.from(source.passphrase.reveal().normalize('NFC'))
    const cost = { memory, passes, parallelism, tagLength: keyLength }
    return secretKey(await derive('argon2id', { message, nonce: salt, ...cost }))
  }
  if (source.kind === 'passphrase' || opening.kind !== source.kind) {
    const message = `vault: it is opened by a ${opening.kind}, and a ${source.kind} was given; give the ${opening.kind}`
    throw new Fault('vault-locked', message, { wanted: opening.kind, given: source.kind })
  }
  const material = source.kind === 'file' ? readKeyFile(source.path) : readCredential(source)
  return secretKey(Buffer.from(hkdfSync('sha256', material, salt, 'tlsward vault 1', keyLength)))
}

function secretKey(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

// systemd mounts it for this service alone (systemd.exec(5), LoadCredential): its rights are not ours to judge
function readCredential({ name, directory }: Extract<KeySource, { kind: 'systemd-credential' }>): Buffer {
  const remedy = `add LoadCredentialEncrypted=${name}: to the service`
  if (directory === undefined) {
    const message = `vault: there is no systemd credential ${name}: this process is no service with credentials; ${remedy}`
    throw new Fault('vault-locked', message, { name })
  }
  // a path would lead out of the directory
  if (!/^[\w.-]+$/.test(name) || /^\.{1,2}$/.test(name)) {
    const message = `vault: ${name} is no name of a systemd credential; write letters, digits, dots and dashes`
    throw new Fault('vault-source-malformed', message, { name })
  }
  let bytes: Buffer
  try {
    bytes = readFileSync(join(directory, name))
  } catch (error) {
    throw new Fault(
      'vault-locked',
      `vault: there is no systemd credential ${name}; ${remedy}`,
      { name },
      error
    )
  }
  if (bytes.length >= shortestCredential) return bytes
  const message =
    `vault: the systemd credential ${name} has ${bytes.length} bytes, too few for a key; ` +
    `make one of at least ${shortestCredential} random bytes`
  throw new Fault('vault-source-malformed', message, { name })
}
