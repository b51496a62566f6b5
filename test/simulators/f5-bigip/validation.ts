import { certificatesOf, isPair, keyIn, keyOf, pairKind } from './certificate-facts.ts'
import type { CertKeyChain, ClientSsl, Configuration, OtherProfile, Virtual } from './configuration.ts'
import { readDestination } from './destination.ts'
import { effectiveSettings } from './inheritance.ts'
import { scalarText } from './json.ts'
import { partitionOf } from './names.ts'
import {
  alreadyExists,
  configurationError,
  crossPartition,
  keyMismatch,
  mcpd,
  notFound,
  referenceMissing
} from './refusal.ts'
import { isSince } from './version.ts'

/**
 * Throws what mcpd would say of the configuration as a whole. It is asked once a change, or a whole transaction, has
 * been made: within one, key and certificate may come in any order.
 */
export function validate(configuration: Configuration, version: string): void {
  for (const profile of Object.values(configuration.clientSsl))
    checkClientSsl(configuration, profile, version)
  for (const profile of Object.values(configuration.profiles)) {
    if (profile.type === 'server-ssl') checkServerSsl(configuration, profile)
  }
  const virtuals = Object.values(configuration.virtuals)
  for (const virtual of virtuals) checkVirtual(configuration, virtual)
  checkDestinations(configuration, virtuals)
}

function checkClientSsl(configuration: Configuration, profile: ClientSsl, version: string): void {
  const { fullPath, certKeyChain } = profile
  const settings = effectiveSettings(configuration, fullPath)
  if (settings['sslForwardProxy'] === 'enabled' && settings['proxyCaKey'] === 'none') {
    throw mcpd(400, '01071610', `Client SSL profile (${fullPath}): forward proxy RSA CA key is missing.`)
  }
  if (!certKeyChain) return
  const names = new Set<string>()
  const kinds = new Set<string>()
  for (const pair of certKeyChain) {
    if (names.has(pair.name)) throw alreadyExists('cert-key-chain', `${fullPath}/${pair.name}`)
    names.add(pair.name)
    const kind = checkPair(configuration, fullPath, pair)
    if (kinds.has(kind)) {
      throw mcpd(
        400,
        '010717e1',
        `Client SSL profile (${fullPath}): cannot contain more than one set of same certificate/key type.`
      )
    }
    kinds.add(kind)
  }
  // an empty list is as bad to all
  const mayLackRsa = isSince(version, '14.1') && kinds.size > 0
  if (!kinds.has('RSA') && !mayLackRsa) {
    throw mcpd(400, '010717e3', `Client SSL profile (${fullPath}) must have RSA certificate/key pair.`)
  }
}

function checkPair(configuration: Configuration, profile: string, pair: CertKeyChain): string {
  const cert = configuration.certs[pair.cert]
  const key = configuration.keys[pair.key]
  if (!cert) throw referenceMissing('certificate', pair.cert)
  if (!key) throw referenceMissing('key', pair.key)
  if (pair.chain !== null && !configuration.certs[pair.chain]) {
    throw referenceMissing('certificate', pair.chain)
  }
  for (const file of [pair.cert, pair.key, ...(pair.chain === null ? [] : [pair.chain])]) {
    checkReach('Client SSL Profile', profile, file)
  }
  const opened =
    key.securityType === 'password' || pair.passphrase !== null
      ? keyIn(key.content, pair.passphrase)
      : keyOf(key)
  if (!opened) {
    throw mcpd(
      400,
      '01070313',
      `Error reading key PEM file ${pair.key} for profile ${profile}: error:0906A068:PEM routines:PEM_do_header:bad password read.`
    )
  }
  const [leaf] = certificatesOf(cert)
  if (!leaf || !isPair(leaf, opened)) throw keyMismatch(profile)
  const kind = pairKind(opened)
  if (kind === null) throw configurationError(`unsupported key type in ${pair.key} for profile ${profile}`)
  return kind
}

/** An object may name only what is in its own partition or in Common. */
function checkReach(what: string, owner: string, target: string): void {
  const [from, to] = [partitionOf(owner), partitionOf(target)]
  if (to !== from && to !== 'Common') throw crossPartition(`${what} ${owner}`, from, target)
}

function checkServerSsl({ certs, keys }: Configuration, { fullPath, settings }: OtherProfile): void {
  const named = (name: string) => {
    const value = settings[name]
    return typeof value === 'string' && value !== 'none' ? value : null
  }
  const [cert, key, chain] = [named('cert'), named('key'), named('chain')]
  for (const file of [cert, chain])
    if (file !== null && !certs[file]) throw referenceMissing('certificate', file)
  if (key !== null && !keys[key]) throw referenceMissing('key', key)
  if (cert === null || key === null) return
  const [certFile, keyFile] = [certs[cert], keys[key]]
  const leaf = certFile && certificatesOf(certFile)[0]
  const opened = keyFile && keyOf(keyFile)
  if (!leaf || !opened || !isPair(leaf, opened)) throw keyMismatch(fullPath)
}

function checkVirtual(configuration: Configuration, { fullPath, profiles }: Virtual): void {
  const ssl: string[] = []
  for (const { fullPath: name } of profiles) {
    if (configuration.clientSsl[name]) ssl.push(name)
    else if (!configuration.profiles[name]) throw notFound('profile', name)
    checkReach('Virtual Server', fullPath, name)
  }
  const settings = ssl.map((name) => effectiveSettings(configuration, name))
  const names = settings
    .map((one) => scalarText(one['serverName']).toLowerCase())
    .filter((name) => name !== 'none')
  if (new Set(names).size < names.length) {
    throw mcpd(
      400,
      '0107149e',
      `Virtual server ${fullPath} has more than one clientssl/serverssl profile with same server name.`
    )
  }
  const defaults = settings.filter((one) => one['sniDefault'] === 'true').length
  if (defaults > 1) {
    throw mcpd(
      400,
      '0107149d',
      `Virtual server ${fullPath} has more than one clientssl/serverssl default profile.`
    )
  }
  if (ssl.length > 1 && defaults === 0) {
    throw mcpd(
      400,
      '0107149f',
      `Virtual server ${fullPath} has more than one clientssl/serverssl profile, but none is default for SNI.`
    )
  }
}

function checkDestinations({ partitions }: Configuration, virtuals: readonly Virtual[]): void {
  const taken = new Map<string, string>()
  for (const { fullPath, destination } of virtuals) {
    if (destination === null) continue
    const where = readDestination(destination)
    const usual = partitions[`/${partitionOf(destination)}`]?.defaultRouteDomain ?? 0
    const key = `${where?.address}%${where?.routeDomain ?? usual}:${where?.port}`
    const other = taken.get(key)
    if (other !== undefined) {
      throw mcpd(
        400,
        '01070333',
        `Virtual Server ${fullPath} illegally shares destination address, source address, service port, ip-protocol, and vlan with Virtual Server ${other}.`
      )
    }
    taken.set(key, fullPath)
  }
}
