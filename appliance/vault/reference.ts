import { Fault } from '../../core/fault.ts'

/**
 * Where a secret is to be read each time that it is used, instead of being kept: a line of an environment file, or a
 * field of a secret in a KV version 2 engine of HashiCorp Vault.
 */
export type Reference =
  | { readonly kind: 'env-file'; readonly path: string; readonly name: string }
  | { readonly kind: 'vault-kv'; readonly mount: string; readonly path: string; readonly field: string }

const envFile = /^env-file:(?<path>\/[^#\0]+)#(?<name>[A-Za-z_]\w*)$/
// names that need no escaping in a URL, so that no path can lead elsewhere
const vaultKv = /^vault-kv:(?<mount>[\w-]+)\/(?<path>[\w.-]+(?:\/[\w.-]+)*)#(?<field>[\w.-]+)$/

/** Is the text meant as a reference? */
export function looksLikeReference(text: string): boolean {
  return /^(env-file|vault-kv):/.test(text)
}

/** `env-file:/path#NAME` or `vault-kv:mount/path#field`. Faults: reference-malformed. */
export function parseReference(text: string): Reference {
  const file = envFile.exec(text)?.groups
  if (file) return { kind: 'env-file', path: file['path'] ?? '', name: file['name'] ?? '' }
  const kv = vaultKv.exec(text)?.groups
  const path = kv?.['path'] ?? ''
  if (kv && !path.split('/').some((part) => part === '.' || part === '..')) {
    return { kind: 'vault-kv', mount: kv['mount'] ?? '', path, field: kv['field'] ?? '' }
  }
  // the text is not shown: it may be a secret that was given in the wrong place
  const message = 'reference: the text is none; write env-file:/path#NAME or vault-kv:mount/path#field'
  throw new Fault('reference-malformed', message)
}

/** The text that {@link parseReference} reads. */
export function formatReference(reference: Reference): string {
  if (reference.kind === 'env-file') return `env-file:${reference.path}#${reference.name}`
  return `vault-kv:${reference.mount}/${reference.path}#${reference.field}`
}
