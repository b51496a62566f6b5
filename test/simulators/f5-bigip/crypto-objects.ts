import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { certificatesOf, distinguishedName, keyFacts, keyOf } from './certificate-facts.ts'
import { type CertFile, type Csr, type Draft, type KeyFile, nextGeneration } from './configuration.ts'
import { makeCsr, makeSelfSigned, type Subject } from './signing.ts'
import { putCert, putKey, sslCerts, sslKeys } from './file-objects.ts'
import { type JsonObject, numberOf, referenceOf, textOf, without } from './json.ts'
import { absolute, partsOf } from './names.ts'
import { readPkcs12 } from './pkcs12.ts'
import {
  alreadyExists,
  badProperty,
  missingProperty,
  notFound,
  referenceMissing,
  unreadable
} from './refusal.ts'
import { type Actor, checkPartition, link, type Resource } from './resource.ts'
import { isSince } from './version.ts'

/** sys crypto cert: the certificates as commands see them */
export const cryptoCerts: Resource = {
  ...sslCerts,
  path: 'sys/crypto/cert',
  kind: 'tm:sys:crypto:cert:certstate',
  subcollections: [],
  render({ configuration, version }, fullPath) {
    const file = configuration.certs[fullPath] as CertFile
    const [cert] = certificatesOf(file)
    const { size, type } = cert ? keyFacts(cert.publicKey) : { size: 0, type: 'rsa' }
    return {
      ...commandHead('cert', cryptoCerts.kind, file, version),
      commonName: /^CN=(.+)$/m.exec(cert?.subject ?? '')?.[1] ?? '',
      apiRawValues: {
        certificateKeySize: String(size),
        expiration: cert?.validTo ?? '',
        issuer: distinguishedName(cert?.issuer),
        publicKeyType: type.toUpperCase()
      }
    }
  },
  create(draft, body, actor) {
    const fullPath = named(body)
    checkPartition(fullPath, actor)
    if (textOf(body, 'command') === 'install') {
      checkMayOverwrite(sslCerts.type, fullPath, actor, draft.certs)
      return installed(draft, body, actor, (content) =>
        putCert(draft, { fullPath, content, sourcePath: sourceOf(body), body: {} }, actor)
      )(fullPath)
    }
    const key = draft.keys[absolute(textOf(body, 'key') ?? '')]
    const opened = key && keyOf(key)
    if (!opened) throw referenceMissing('key', textOf(body, 'key') ?? '')
    const content = makeSelfSigned(opened, subjectOf(body), {
      now: actor.now,
      days: numberOf(body, 'lifetime') ?? 365
    })
    putCert(draft, { fullPath, content, sourcePath: `/config/ssl/ssl.crt${fullPath}`, body: {} }, actor)
    return fullPath
  }
}

/** sys crypto key: keys as commands see them; one without `command` is made here */
export const cryptoKeys: Resource = {
  ...sslKeys,
  path: 'sys/crypto/key',
  kind: 'tm:sys:crypto:key:keystate',
  render({ configuration, version }, fullPath) {
    const file = configuration.keys[fullPath] as KeyFile
    const key = keyOf(file)
    const { size, type, curve } = key ? keyFacts(key) : { size: 0, type: 'rsa', curve: 'none' }
    return {
      ...commandHead('key', cryptoKeys.kind, file, version),
      ...(curve === 'none' ? {} : { curveName: curve }),
      keySize: String(size),
      keyType: `${type}-private`,
      securityType: file.securityType
    }
  },
  create(draft, body, actor) {
    const fullPath = named(body)
    checkPartition(fullPath, actor)
    if (textOf(body, 'command') === 'install') {
      checkMayOverwrite(sslKeys.type, fullPath, actor, draft.keys)
      return installed(draft, body, actor, (content) =>
        putKey(draft, { fullPath, content, sourcePath: sourceOf(body), body }, actor)
      )(fullPath)
    }
    if (Object.hasOwn(draft.keys, fullPath)) throw alreadyExists(sslKeys.type, fullPath)
    const key = made(body)
    const content = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    const securityType = textOf(body, 'securityType')
    const security = securityType === undefined ? {} : { securityType }
    putKey(draft, { fullPath, content, sourcePath: `/config/ssl/ssl.key${fullPath}`, body: security }, actor)
    const request = textOf(body, 'gen-csr')
    if (request !== undefined) putCsr(draft, { ...body, name: request, key: fullPath }, actor)
    return fullPath
  }
}

/** sys crypto pkcs12: a pair in one file becomes NAME.crt and NAME.key */
export function installPkcs12(draft: Draft, body: JsonObject, actor: Actor): void {
  const fullPath = named(body)
  checkPartition(fullPath, actor)
  installed(draft, body, actor, (content) => {
    const pair = readPkcs12(content, textOf(body, 'passphrase') ?? '')
    if (!pair) throw unreadable(`unable to read pkcs12 file for (${fullPath}), mac verify failure`)
    const sourcePath = sourceOf(body)
    putKey(draft, { fullPath: `${fullPath}.key`, content: pair.key, sourcePath, body: {} }, actor)
    putCert(draft, { fullPath: `${fullPath}.crt`, content: pair.cert, sourcePath, body: {} }, actor)
  })(fullPath)
}

/** sys crypto csr */
export const cryptoCsrs: Resource = {
  path: 'sys/crypto/csr',
  kind: 'tm:sys:crypto:csr:csrstate',
  type: 'Certificate Signing Request File',
  list: ({ csrs }) => Object.keys(csrs),
  has: ({ csrs }, fullPath) => Object.hasOwn(csrs, fullPath),
  render({ configuration, version }, fullPath) {
    const csr = configuration.csrs[fullPath] as Csr
    const { name } = partsOf(fullPath)
    return {
      kind: cryptoCsrs.kind,
      name,
      fullPath: name,
      generation: csr.generation,
      selfLink: link(`sys/crypto/csr/${encodeURIComponent(name)}`, version),
      ...without(csr.settings, ['name', 'partition', 'key', 'command']),
      apiRawValues: { keySize: String(csr.keySize), publicKeyType: csr.publicKeyType }
    }
  },
  create: (draft, body, actor) => putCsr(draft, body, actor),
  remove(draft, fullPath, actor) {
    checkPartition(fullPath, actor)
    delete draft.csrs[fullPath]
  }
}

function putCsr(draft: Draft, body: JsonObject, actor: Actor): string {
  const fullPath = named(body)
  checkPartition(fullPath, actor)
  if (Object.hasOwn(draft.csrs, fullPath)) throw alreadyExists(cryptoCsrs.type, fullPath)
  const keyName = absolute(textOf(body, 'key') ?? '')
  const file = draft.keys[keyName]
  if (!file) throw notFound(sslKeys.type, keyName)
  const key = keyOf(file)
  if (!key) throw unreadable(`unable to read key file (${keyName})`)
  if (textOf(body, 'commonName') === undefined) throw missingProperty('commonName')
  const { name } = partsOf(fullPath)
  actor.writeFile(`/config/ssl/ssl.csr/${name}`, makeCsr(key, subjectOf(body)))
  const { size, type } = keyFacts(key)
  draft.csrs[fullPath] = {
    fullPath,
    generation: nextGeneration(draft),
    settings: body,
    key: keyName,
    keySize: size,
    publicKeyType: type.toUpperCase()
  }
  return fullPath
}

function named(body: JsonObject): string {
  const name = textOf(body, 'name')
  if (name === undefined) throw missingProperty('name')
  return absolute(name, textOf(body, 'partition'))
}

const sourceOf = (body: JsonObject) => `file://${textOf(body, 'from-local-file') ?? ''}`

/** Bug 614865: these versions do not install over what is there. */
function checkMayOverwrite(type: string, fullPath: string, { version }: Actor, taken: object): void {
  const isSo = isSince(version, '11.5.4') && !isSince(version, '12.1.2')
  if (isSo && Object.hasOwn(taken, fullPath)) throw alreadyExists(type, fullPath)
}

function installed(draft: Draft, body: JsonObject, actor: Actor, put: (content: string) => void) {
  return (fullPath: string): string => {
    const path = textOf(body, 'from-local-file')
    if (path === undefined) throw missingProperty('from-local-file')
    if (!Object.hasOwn(draft.partitions, `/${partsOf(fullPath).partition}`)) {
      throw notFound('folder', `/${partsOf(fullPath).partition}`)
    }
    const content = actor.readFile(path)
    if (content === null) throw unreadable(`Key management library returned bad status: -2, Not Found`)
    put(content)
    return fullPath
  }
}

function made(body: JsonObject): KeyObject {
  const type = textOf(body, 'keyType') ?? 'rsa-private'
  if (type === 'ec-private') {
    const namedCurve = textOf(body, 'curveName') ?? 'prime256v1'
    if (!['prime256v1', 'secp384r1', 'secp521r1'].includes(namedCurve)) throw badProperty('curveName')
    return generateKeyPairSync('ec', { namedCurve }).privateKey
  }
  const modulusLength = numberOf(body, 'keySize') ?? 2048
  if (type !== 'rsa-private') throw badProperty('keyType')
  if (![1024, 2048, 3072, 4096].includes(modulusLength)) throw badProperty('keySize')
  return generateKeyPairSync('rsa', { modulusLength }).privateKey
}

function commandHead(
  what: string,
  kind: string,
  { fullPath, generation }: { readonly fullPath: string; readonly generation: number },
  version: string
): JsonObject {
  const path = `sys/crypto/${what}/${encodeURIComponent(fullPath.replaceAll('/', '~'))}`
  return { kind, name: fullPath, fullPath, generation, selfLink: link(path, version) }
}

const subjectParts: readonly (readonly [property: string, oid: string])[] = [
  ['country', '2.5.4.6'],
  ['state', '2.5.4.8'],
  ['city', '2.5.4.7'],
  ['organization', '2.5.4.10'],
  ['ou', '2.5.4.11']
]

function subjectOf(body: JsonObject): Subject {
  const alternative = textOf(body, 'subjectAlternativeName') ?? ''
  return {
    commonName: textOf(body, 'commonName') ?? '',
    names: alternative
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    parts: subjectParts.flatMap(([property, oid]) => {
      const value = referenceOf(body, property)
      return value ? [[oid, value] as const] : []
    })
  }
}
