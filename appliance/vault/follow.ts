import { parseEnv } from 'node:util'
import { Fault, type FaultCode } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { readPrivateFile } from './private-file.ts'
import { type Reference, formatReference } from './reference.ts'
import { type VaultKvSettings, readVaultKv } from './vault-kv.ts'

/**
 * What reads the values that references point to. Without settings for HashiCorp Vault only files are read. Faults:
 * reference-missing, reference-denied, reference-unreachable.
 */
export function referenceReader(vaultKv?: VaultKvSettings): (reference: Reference) => Promise<Secret> {
  return async (reference) => {
    if (reference.kind === 'env-file') return readEnvFile(reference)
    if (vaultKv) return readVaultKv(vaultKv, reference)
    const text = formatReference(reference)
    const message = `${text}: no HashiCorp Vault is configured; give its address and a token in the configuration`
    throw new Fault('reference-missing', message, { reference: text })
  }
}

const codes = {
  absent: 'reference-missing',
  unsafe: 'reference-denied',
  unreadable: 'reference-denied'
} as const satisfies Record<string, FaultCode>

const remedies = {
  absent: 'make the file, or correct the reference',
  unsafe:
    'give it to the account that runs tlsward with mode 0600, and change the secret if others could read it',
  unreadable: 'let the account that runs tlsward read it'
} as const

/** A line NAME=value of a file as Node reads them (node --env-file): quotes, comments, `export`. */
function readEnvFile(reference: Extract<Reference, { kind: 'env-file' }>): Secret {
  const text = formatReference(reference)
  const { path, name } = reference
  const read = readPrivateFile(path)
  if ('wrong' in read) {
    throw new Fault(codes[read.wrong], `${text}: ${read.why}; ${remedies[read.wrong]}`, { reference: text })
  }
  const values = parseEnv(read.text)
  const value = Object.hasOwn(values, name) ? values[name] : undefined
  if (value !== undefined && value !== '') return new Secret(value)
  const message = `${text}: the file gives no value to ${name}; add a line ${name}=…, or correct the reference`
  throw new Fault('reference-missing', message, { reference: text })
}
