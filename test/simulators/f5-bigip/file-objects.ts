import {
  certificatesIn,
  certificatesOf,
  checksumOf,
  distinguishedName,
  isEncrypted,
  keyFacts,
  keyIn,
  keyOf,
  serialOf
} from './certificate-facts.ts'
import { type CertFile, type Draft, type KeyFile, nextGeneration } from './configuration.ts'
import { type Json, type JsonObject, listOf, referenceOf, textOf } from './json.ts'
import { absolute, toSegment } from './names.ts'
import { checkSameName, placed } from './placement.ts'
import { fileInUse, missingProperty, unreadable } from './refusal.ts'
import { type Actor, checkPartition, head, link, reference, type Resource } from './resource.ts'
import { usersOfCert, usersOfKey } from './usage.ts'

export const certPath = 'sys/file/ssl-cert'
export const keyPath = 'sys/file/ssl-key'

/** sys file ssl-cert */
export const sslCerts: Resource = {
  path: certPath,
  kind: 'tm:sys:file:ssl-cert:ssl-certstate',
  type: 'Certificate File',
  list: ({ certs }) => Object.keys(certs),
  has: ({ certs }, fullPath) => Object.hasOwn(certs, fullPath),
  render({ configuration, version }, fullPath) {
    const file = configuration.certs[fullPath] as CertFile
    return { ...head(sslCerts, file, version), ...certProperties(file, version) }
  },
  create(draft, body, actor) {
    const fullPath = placed(draft, body, { type: sslCerts.type, taken: draft.certs, actor })
    putCert(draft, { fullPath, ...source(body, actor), body }, actor)
    return fullPath
  },
  modify(draft, { fullPath, body }, actor) {
    checkPartition(fullPath, actor)
    checkSameName(fullPath, body)
    const old = draft.certs[fullPath] as CertFile
    const { content, sourcePath } = textOf(body, 'sourcePath') === undefined ? old : source(body, actor)
    putCert(draft, { fullPath, content, sourcePath, body }, actor)
  },
  remove(draft, fullPath, actor) {
    checkPartition(fullPath, actor)
    if (usersOfCert(draft, fullPath).length > 0) throw fileInUse(fullPath)
    delete draft.certs[fullPath]
  },
  subcollections: [
    {
      name: 'bundle-certificates',
      reference: 'bundleCertificatesReference',
      kind: 'tm:sys:file:ssl-cert:bundle-certificates:bundle-certificatesstate',
      list: ({ configuration, version }, owner) => bundled(configuration.certs[owner] as CertFile, version)
    },
    {
      name: 'cert-validators',
      reference: 'certValidatorsReference',
      kind: 'tm:sys:file:ssl-cert:cert-validators:cert-validatorsstate',
      list: () => []
    }
  ]
}

/** sys file ssl-key */
export const sslKeys: Resource = {
  path: keyPath,
  kind: 'tm:sys:file:ssl-key:ssl-keystate',
  type: 'Certificate Key File',
  list: ({ keys }) => Object.keys(keys),
  has: ({ keys }, fullPath) => Object.hasOwn(keys, fullPath),
  render({ configuration, version }, fullPath) {
    const file = configuration.keys[fullPath] as KeyFile
    return { ...head(sslKeys, file, version), ...keyProperties(file) }
  },
  create(draft, body, actor) {
    const fullPath = placed(draft, body, { type: sslKeys.type, taken: draft.keys, actor })
    putKey(draft, { fullPath, ...source(body, actor), body }, actor)
    return fullPath
  },
  modify(draft, { fullPath, body }, actor) {
    checkPartition(fullPath, actor)
    checkSameName(fullPath, body)
    const old = draft.keys[fullPath] as KeyFile
    const isReplaced = textOf(body, 'sourcePath') !== undefined
    const { content, sourcePath } = isReplaced ? source(body, actor) : old
    const kept = !isReplaced && old.passphrase !== null ? { passphrase: old.passphrase } : {}
    putKey(draft, { fullPath, content, sourcePath, body: { ...kept, ...body } }, actor)
  },
  remove(draft, fullPath, actor) {
    checkPartition(fullPath, actor)
    if (usersOfKey(draft, fullPath).length > 0) throw fileInUse(fullPath)
    delete draft.keys[fullPath]
  }
}

/** A file that becomes an object, with what else was said of it. */
export interface NewFile {
  readonly fullPath: string
  readonly content: string
  readonly sourcePath: string
  readonly body: JsonObject
}

/** Stores a certificate in the place of one of this name, if there is one. */
export function putCert(draft: Draft, { fullPath, content, sourcePath, body }: NewFile, actor: Actor): void {
  if (!certificatesIn(content))
    throw unreadable(`unable to validate certificate, invalid x509 file (${fullPath})`)
  const old = draft.certs[fullPath]
  const issuer = referenceOf(body, 'issuerCert')
  const isSame = old?.content === content && old.sourcePath === sourcePath
  draft.certs[fullPath] = {
    fullPath,
    generation: nextGeneration(draft),
    content,
    sourcePath,
    ...stamps(old, actor, isSame && textOf(body, 'sourcePath') === undefined),
    issuerCert: issuer === undefined ? (old?.issuerCert ?? null) : issuer === null ? null : absolute(issuer),
    certValidationOptions: listOf(body, 'certValidationOptions') ?? old?.certValidationOptions ?? []
  }
}

/** Stores a key in the place of one of this name, if there is one. */
export function putKey(draft: Draft, { fullPath, content, sourcePath, body }: NewFile, actor: Actor): void {
  const passphrase = referenceOf(body, 'passphrase') ?? null
  if (!keyIn(content, passphrase)) {
    throw unreadable(`unable to read key file (${fullPath}), error:0906D06C:PEM routines:PEM_read_bio`)
  }
  draft.keys[fullPath] = {
    fullPath,
    generation: nextGeneration(draft),
    content,
    sourcePath,
    ...stamps(draft.keys[fullPath], actor, false),
    passphrase: isEncrypted(content) ? passphrase : null,
    securityType: isEncrypted(content) ? 'password' : (textOf(body, 'securityType') ?? 'normal')
  }
}

type Stamps = Pick<CertFile, 'createTime' | 'createdBy' | 'lastUpdateTime' | 'updatedBy' | 'revision'>

function stamps(old: Stamps | undefined, { user, now }: Actor, isUntouched: boolean): Stamps {
  if (old && isUntouched) return old
  const time = `${new Date(now).toISOString().slice(0, 19)}Z`
  return {
    createTime: old?.createTime ?? time,
    createdBy: old?.createdBy ?? user,
    lastUpdateTime: time,
    updatedBy: user,
    revision: (old?.revision ?? 0) + 1
  }
}

/** Reads what sourcePath names: file:/path or file:///path on the unit itself. */
function source(body: JsonObject, actor: Actor): { readonly content: string; readonly sourcePath: string } {
  const sourcePath = textOf(body, 'sourcePath')
  if (sourcePath === undefined) throw missingProperty('sourcePath')
  const path = /^file:(?:\/\/)?(\/[^?#]*)$/.exec(sourcePath)?.[1]
  if (path === undefined) throw unreadable(`Failed! exit_code (1). URL (${sourcePath}) is not supported`)
  const content = actor.readFile(path)
  if (content === null) {
    throw unreadable(`Failed! exit_code (37).\nCouldn't open file ${path}`)
  }
  return { content, sourcePath }
}

function certProperties(file: CertFile, version: string): JsonObject {
  const [cert, ...others] = certificatesOf(file)
  if (!cert) return {}
  const { type, size, curve } = keyFacts(cert.publicKey)
  const { issuerCert, certValidationOptions } = file
  return {
    ...(certValidationOptions.length > 0 ? { certValidationOptions } : {}),
    certificateKeyCurveName: curve,
    certificateKeySize: size,
    checksum: checksumOf(file.content),
    createTime: file.createTime,
    createdBy: file.createdBy,
    expirationDate: Math.floor(new Date(cert.validTo).getTime() / 1000),
    expirationString: cert.validTo,
    fingerprint: `SHA256/${cert.fingerprint256}`,
    isBundle: others.length > 0 ? 'true' : 'false',
    issuer: distinguishedName(cert.issuer),
    ...(issuerCert === null
      ? {}
      : { issuerCert, issuerCertReference: reference(certPath, issuerCert, version) }),
    keyType: `${type}-public`,
    lastUpdateTime: file.lastUpdateTime,
    mode: 33_188,
    revision: file.revision,
    serialNumber: serialOf(cert),
    size: Buffer.byteLength(file.content, 'latin1'),
    sourcePath: file.sourcePath,
    subject: distinguishedName(cert.subject),
    ...(cert.subjectAltName === undefined ? {} : { subjectAlternativeName: cert.subjectAltName }),
    ...(file.sourcePath.startsWith('/config/') ? { systemPath: file.sourcePath } : {}),
    updatedBy: file.updatedBy,
    version: 3
  }
}

function keyProperties(file: KeyFile): JsonObject {
  const key = keyOf(file)
  const { type, size, curve } = key ? keyFacts(key) : { type: 'rsa', size: 0, curve: 'none' }
  return {
    checksum: checksumOf(file.content),
    createTime: file.createTime,
    createdBy: file.createdBy,
    curveName: curve,
    keySize: size,
    keyType: `${type}-private`,
    lastUpdateTime: file.lastUpdateTime,
    mode: 33_184,
    ...(file.passphrase === null ? {} : { passphrase: sealed(file.passphrase) }),
    revision: file.revision,
    securityType: file.securityType,
    size: Buffer.byteLength(file.content, 'latin1'),
    sourcePath: file.sourcePath,
    updatedBy: file.updatedBy
  }
}

/** A secret as it is shown: under the unit's master key, of no use to anybody. */
export function sealed(secret: string): string {
  const digest = checksumOf(`master key ${secret}`).split(':')[2] ?? ''
  return `$M$${digest.slice(0, 2)}$${Buffer.from(digest.slice(0, 32), 'hex').toString('base64')}`
}

function bundled(file: CertFile, version: string): JsonObject[] {
  const certificates = certificatesOf(file)
  if (certificates.length < 2) return []
  return certificates.map((cert, number): Record<string, Json> => ({
    kind: 'tm:sys:file:ssl-cert:bundle-certificates:bundle-certificatesstate',
    name: `${number}`,
    fullPath: `${number}`,
    selfLink: link(`${certPath}/${toSegment(file.fullPath)}/bundle-certificates/${number}`, version),
    issuer: distinguishedName(cert.issuer),
    serialNumber: serialOf(cert),
    subject: distinguishedName(cert.subject)
  }))
}
