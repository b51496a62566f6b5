import { constants } from 'node:crypto'
import { createSecureContext, DEFAULT_CIPHERS, type SecureContext, type SecureContextOptions } from 'node:tls'
import { certificatesOf, namesOf } from './certificate-facts.ts'
import type { Configuration, Virtual } from './configuration.ts'
import { effectivePairs, effectiveSettings } from './inheritance.ts'
import { type Json, scalarText } from './json.ts'

/** A client-ssl profile as it shows itself in handshakes. */
export interface SniProfile {
  /** exact, or with a wildcard for the first label; lower case */
  readonly names: readonly string[]
  readonly context: SecureContext
  readonly options: SecureContextOptions
  /** refuses clients that ask for a name that no profile has */
  readonly requiresName: boolean
}

/** What a virtual server shows: one profile for everybody, and those for names. */
export interface Front {
  readonly base: SniProfile
  readonly profiles: readonly SniProfile[]
}

/** Null: no client-ssl profile works on it, it speaks as it is. */
export function frontOf(configuration: Configuration, { profiles }: Virtual): Front | null {
  const all = profiles
    .filter(({ fullPath }) => Object.hasOwn(configuration.clientSsl, fullPath))
    .map(({ fullPath }) => ({ fullPath, settings: effectiveSettings(configuration, fullPath) }))
    .filter(({ settings }) => settings['mode'] === 'enabled')
  const chosen = all.find(({ settings }) => settings['sniDefault'] === 'true') ?? all[0]
  if (!chosen) return null
  const shown = all.map(({ fullPath }) => profileOf(configuration, fullPath))
  const base = shown[all.indexOf(chosen)]
  return base ? { base, profiles: shown } : null
}

function profileOf(configuration: Configuration, fullPath: string): SniProfile {
  const settings = effectiveSettings(configuration, fullPath)
  const pairs = effectivePairs(configuration, fullPath)
  const options: SecureContextOptions = {
    cert: pairs.map(
      ({ cert, chain }) => pemOf(configuration, cert) + (chain === null ? '' : pemOf(configuration, chain))
    ),
    key: pairs.map(({ key, passphrase }) => ({
      pem: configuration.keys[key]?.content ?? '',
      passphrase: passphrase ?? configuration.keys[key]?.passphrase ?? ''
    })),
    // the device has no objection to short keys and old signatures
    ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=0`,
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...versions(settings['tmOptions'] ?? [])
  }
  const name = scalarText(settings['serverName']).toLowerCase()
  return {
    names: name === 'none' ? pairs.flatMap(({ cert }) => certNames(configuration, cert)) : [name],
    context: createSecureContext(options),
    options,
    requiresName: settings['sniRequire'] === 'true'
  }
}

function pemOf({ certs }: Configuration, fullPath: string): string {
  const file = certs[fullPath]
  return file
    ? certificatesOf(file)
        .map((cert) => cert.toString())
        .join('')
    : ''
}

function certNames({ certs }: Configuration, fullPath: string): string[] {
  const file = certs[fullPath]
  const leaf = file && certificatesOf(file)[0]
  return leaf ? namesOf(leaf) : []
}

function versions(given: Json): Pick<SecureContextOptions, 'minVersion' | 'maxVersion'> {
  const options = Array.isArray(given) ? (given as readonly Json[]) : []
  return {
    minVersion: options.includes('no-tlsv1.2') ? 'TLSv1.3' : 'TLSv1.2',
    maxVersion: options.includes('no-tlsv1.3') ? 'TLSv1.2' : 'TLSv1.3'
  }
}
