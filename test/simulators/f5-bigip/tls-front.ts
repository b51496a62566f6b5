import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import { DEFAULT_CIPHERS, type SecureContextOptions } from 'node:tls'
import { certificatesOf, namesOf } from './certificate-facts.ts'
import type { Configuration, Virtual } from './configuration.ts'
import { ancestry, effectivePairs, effectiveSettings } from './inheritance.ts'
import { type Json, scalarText } from './json.ts'

/** A client-ssl profile as it shows itself in handshakes. */
export interface SniProfile {
  /** exact, or with a wildcard for the first label; lower case */
  readonly names: readonly string[]
  /** does the handshakes of connections that it is given */
  readonly server: Server
  /** refuses clients that name no server */
  readonly requiresName: boolean
  /** the objects that it was made of: as long as they are the same, it is */
  readonly origin: readonly object[]
}

/** What a virtual server shows: one profile for everybody, and those for names. */
export interface Front {
  readonly base: SniProfile
  readonly profiles: readonly SniProfile[]
}

/** Makes a server for handshakes of a virtual server. */
export type ServerMaker = (options: SecureContextOptions) => Server

/** Null: no client-ssl profile works on it, it speaks as it is. What is as it was is taken from the former one. */
export function frontOf(
  configuration: Configuration,
  { profiles }: Virtual,
  { former, make }: { readonly former: Front | null; readonly make: ServerMaker }
): Front | null {
  const all = profiles
    .filter(({ fullPath }) => Object.hasOwn(configuration.clientSsl, fullPath))
    .map(({ fullPath }) => ({ fullPath, settings: effectiveSettings(configuration, fullPath) }))
    .filter(({ settings }) => settings['mode'] === 'enabled')
  const chosen = all.find(({ settings }) => settings['sniDefault'] === 'true') ?? all[0]
  if (!chosen) return null
  const shown = all.map(({ fullPath }) => {
    const origin = originOf(configuration, fullPath)
    const same = former?.profiles.find((one) => isSame(one.origin, origin))
    return same ?? profileOf(configuration, { fullPath, origin, make })
  })
  const base = shown[all.indexOf(chosen)]
  return base ? { base, profiles: shown } : null
}

/** The profile for a server name; null: the client is refused. */
export function profileFor({ base, profiles }: Front, asked: string | null): SniProfile | null {
  if (asked === null) return base.requiresName ? null : base
  const name = asked.toLowerCase()
  const wildcard = `*.${name.split('.').slice(1).join('.')}`
  const exact = profiles.find(({ names }) => names.includes(name))
  return exact ?? profiles.find(({ names }) => names.includes(wildcard)) ?? base
}

/** A server whose TLS 1.2 sessions live on over a change of certificates, as in the device's cache. */
export function secureServer(
  options: SecureContextOptions,
  sessions: Map<string, Buffer>,
  answer: Parameters<typeof createServer>[1]
): Server {
  const server = createServer(options, answer)
  server.on('tlsClientError', () => {})
  server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
    sessions.set(id.toString('hex'), data)
    done()
  })
  server.on('resumeSession', (id: Buffer, done: (error: Error | null, data: Buffer | null) => void) =>
    done(null, sessions.get(id.toString('hex')) ?? null)
  )
  return server
}

function originOf(configuration: Configuration, fullPath: string): object[] {
  const { certs, keys } = configuration
  const files = effectivePairs(configuration, fullPath).flatMap(({ cert, key, chain }) => [
    certs[cert],
    keys[key],
    chain === null ? undefined : certs[chain]
  ])
  return [...ancestry(configuration, fullPath), ...files.filter((file) => file !== undefined)]
}

const isSame = (one: readonly object[], other: readonly object[]) =>
  one.length === other.length && one.every((object, at) => object === other[at])

interface Making {
  readonly fullPath: string
  readonly origin: readonly object[]
  readonly make: ServerMaker
}

function profileOf(configuration: Configuration, { fullPath, origin, make }: Making): SniProfile {
  const settings = effectiveSettings(configuration, fullPath)
  const pairs = effectivePairs(configuration, fullPath)
  const { certs, keys } = configuration
  const name = scalarText(settings['serverName']).toLowerCase()
  return {
    names: name === 'none' ? pairs.flatMap(({ cert }) => certNames(configuration, cert)) : [name],
    requiresName: settings['sniRequire'] === 'true',
    origin,
    server: make({
      cert: pairs.map(({ cert, chain }) => pemOf(certs, cert) + (chain === null ? '' : pemOf(certs, chain))),
      key: pairs.map(({ key, passphrase }) => ({
        pem: keys[key]?.content ?? '',
        passphrase: passphrase ?? keys[key]?.passphrase ?? ''
      })),
      // the device has no objection to short keys and old signatures
      ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=0`,
      secureOptions: constants.SSL_OP_NO_TICKET,
      ...versions(settings['tmOptions'] ?? [])
    })
  }
}

function pemOf(certs: Configuration['certs'], fullPath: string): string {
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
