import { clientSslDefaults, pairProperties, writeOnly } from './client-ssl-defaults.ts'
import { type CertKeyChain, type ClientSsl, type Draft, nextGeneration } from './configuration.ts'
import { certPath, keyPath, sealed } from './file-objects.ts'
import { ancestry, childrenOf, effectivePairs, effectiveSettings } from './inheritance.ts'
import {
  isObject,
  type Json,
  type JsonObject,
  listOf,
  referenceOf,
  scalarText,
  textOf,
  without
} from './json.ts'
import { absolute, partsOf } from './names.ts'
import { checkSameName, headProperties, placed } from './placement.ts'
import {
  badProperty,
  configurationError,
  mcpd,
  missingProperty,
  notFound,
  ownedByService,
  unknownProperty
} from './refusal.ts'
import { type Actor, checkPartition, head, reference, type Resource, type View } from './resource.ts'
import { isSince } from './version.ts'

export const clientSslPath = 'ltm/profile/client-ssl'
/** the one from which all descend */
export const clientSslRoot = '/Common/clientssl'

/** ltm profile client-ssl */
export const clientSslProfiles: Resource = {
  path: clientSslPath,
  kind: 'tm:ltm:profile:client-ssl:client-sslstate',
  type: 'ClientSSL Profile',
  list: ({ clientSsl }) => Object.keys(clientSsl),
  has: ({ clientSsl }, fullPath) => Object.hasOwn(clientSsl, fullPath),
  render(view, fullPath) {
    const profile = view.configuration.clientSsl[fullPath] as ClientSsl
    return {
      ...head(clientSslProfiles, profile, view.version),
      ...sorted(
        without(
          { ...properties(view, profile), ...effectiveSettings(view.configuration, fullPath) },
          isSince(view.version, '13.0') ? [] : ['cipherGroup', 'inheritCertkeychain']
        )
      )
    }
  },
  create(draft, body, actor) {
    const type = 'ClientSSL Profile'
    const fullPath = placed(draft, body, { type, taken: draft.clientSsl, actor })
    const fresh: ClientSsl = {
      fullPath,
      generation: nextGeneration(draft),
      defaultsFrom: clientSslRoot,
      certKeyChain: null,
      settings: {},
      appService: referenceOf(body, 'appService') ?? null
    }
    draft.clientSsl[fullPath] = changed(draft, fresh, body)
    return fullPath
  },
  modify(draft, { fullPath, body, isWhole }, actor) {
    const old = guarded(draft, fullPath, actor)
    checkSameName(fullPath, body)
    const base = isWhole ? { ...old, settings: {}, certKeyChain: startingPairs(old) } : old
    draft.clientSsl[fullPath] = changed(draft, { ...base, generation: nextGeneration(draft) }, body)
  },
  remove(draft, fullPath, actor) {
    guarded(draft, fullPath, actor)
    const virtual = Object.values(draft.virtuals).find(({ profiles }) =>
      profiles.some((profile) => profile.fullPath === fullPath)
    )
    const inUse = (by: string) =>
      mcpd(
        400,
        '01070265',
        `The ClientSSL Profile (${fullPath}) cannot be deleted because it is in use by a ${by}`
      )
    if (virtual) throw inUse(`virtual server profile (${virtual.fullPath} ${fullPath})`)
    const [child] = childrenOf(draft, fullPath)
    if (child) throw inUse(`ClientSSL Profile (${child.fullPath})`)
    if (isBuiltIn(fullPath))
      throw mcpd(400, '01070320', `profile ${fullPath} is a system object, it may not be deleted.`)
    delete draft.clientSsl[fullPath]
  }
}

/** Profiles that a new device has. */
export const builtInClientSsl = [clientSslRoot, '/Common/clientssl-secure', '/Common/wom-default-clientssl']

const isBuiltIn = (fullPath: string) => builtInClientSsl.includes(fullPath)

/** the root has nobody to take pairs from */
const startingPairs = (old: ClientSsl) => (old.defaultsFrom === null ? old.certKeyChain : null)

function guarded(draft: Draft, fullPath: string, actor: Actor): ClientSsl {
  checkPartition(fullPath, actor)
  const old = draft.clientSsl[fullPath] as ClientSsl
  if (old.appService !== null) throw ownedByService(fullPath, old.appService)
  return old
}

const known = new Set([
  ...Object.keys(clientSslDefaults),
  ...pairProperties,
  ...writeOnly,
  ...headProperties,
  'defaultsFrom',
  'inheritCertkeychain',
  'appService'
])

function changed(draft: Draft, old: ClientSsl, body: JsonObject): ClientSsl {
  const unknown = Object.keys(body).find((name) => !known.has(name) && !name.endsWith('Reference'))
  if (unknown !== undefined) throw unknownProperty(unknown)
  const parent = referenceOf(body, 'defaultsFrom')
  const defaultsFrom = parent ? absolute(parent) : old.defaultsFrom
  if (defaultsFrom !== null) checkParent(draft, old.fullPath, defaultsFrom)
  const given = Object.entries(body).filter(([name]) => name in clientSslDefaults)
  const settings = { ...old.settings, ...Object.fromEntries(given.map(checkedSetting)) }
  const next = { ...old, defaultsFrom, settings }
  return { ...next, certKeyChain: changedPairs(draft, next, body) }
}

function checkParent(draft: Draft, fullPath: string, parent: string): void {
  if (!Object.hasOwn(draft.clientSsl, parent)) throw notFound('profile', parent)
  if (ancestry(draft, parent).some((one) => one.fullPath === fullPath)) {
    throw configurationError(`The parent profile (${parent}) of ${fullPath} makes a circle`)
  }
}

function checkedSetting([name, value]: readonly [string, Json]): readonly [string, Json] {
  const standard = clientSslDefaults[name]
  if (standard === 'true' || standard === 'false') {
    const text = scalarText(value)
    if (text !== 'true' && text !== 'false') throw badProperty(name)
    return [name, text]
  }
  if (Array.isArray(standard) ? !Array.isArray(value) && value !== 'none' : isObject(value))
    throw badProperty(name)
  return [name, value === '' || value === null ? 'none' : value]
}

/** What a request makes of the pairs: the list as a whole, the first one by its parts, or the parent's. */
function changedPairs(draft: Draft, profile: ClientSsl, body: JsonObject): readonly CertKeyChain[] | null {
  const list = listOf(body, 'certKeyChain')
  const flat = pairProperties.slice(1).filter((name) => body[name] !== undefined)
  if (list && flat.length > 0) {
    throw mcpd(
      400,
      '01b4002a',
      `Client SSL profile (${profile.fullPath}):cert-key-chain and profile cert/key/chain/passphrase options cannot be specified together.`
    )
  }
  const inherits =
    body['inheritCertkeychain'] === undefined ? undefined : scalarText(body['inheritCertkeychain'])
  if (list) return list.map((item) => pairOf(item, profile.fullPath))
  if (flat.length > 0) return [...flatPair(draft, profile, body)]
  if (inherits === 'true' && profile.defaultsFrom !== null) return null
  if (inherits === 'false' && profile.certKeyChain === null) return effectivePairs(draft, profile.fullPath)
  return profile.certKeyChain
}

const pairKnown = new Set(['name', 'cert', 'key', 'chain', 'passphrase', 'usage', 'appService'])

function pairOf(item: Json, profile: string): CertKeyChain {
  if (!isObject(item)) throw badProperty('certKeyChain')
  const unknown = Object.keys(item).find((name) => !pairKnown.has(name) && !name.endsWith('Reference'))
  if (unknown !== undefined) throw unknownProperty(unknown)
  const name = textOf(item, 'name')
  if (name === undefined || name === '') throw missingProperty('name')
  const cert = referenceOf(item, 'cert')
  const key = referenceOf(item, 'key')
  if (!cert || !key) {
    throw configurationError(
      `In Client SSL profile (${profile}), cert-key-chain (${name}) needs a certificate and a key`
    )
  }
  return {
    name,
    cert: absolute(cert),
    key: absolute(key),
    chain: optional(referenceOf(item, 'chain')),
    passphrase: referenceOf(item, 'passphrase') ?? null
  }
}

const optional = (name: string | null | undefined) => (name ? absolute(name) : null)

/** Flat cert, key, chain and passphrase change the first pair and leave the others. */
function flatPair(draft: Draft, profile: ClientSsl, body: JsonObject): CertKeyChain[] {
  const [first, ...others] = profile.certKeyChain ?? effectivePairs(draft, profile.fullPath).slice(0, 1)
  const cert = optional(referenceOf(body, 'cert')) ?? first?.cert
  const key = optional(referenceOf(body, 'key')) ?? first?.key
  if (cert === undefined || key === undefined) throw missingProperty('key')
  const givenChain = referenceOf(body, 'chain')
  const chain = givenChain === undefined ? (first?.chain ?? null) : optional(givenChain)
  const passphrase = referenceOf(body, 'passphrase')
  const isOwn = profile.certKeyChain !== null && first !== undefined
  const base = (file: string | null) => partsOf(file ?? '').name.replace(/\.(crt|key)$/, '')
  return [
    {
      name: isOwn ? first.name : [base(cert), ...(chain === null ? [] : [base(chain)]), '0'].join('_'),
      cert,
      key,
      chain,
      passphrase: passphrase === undefined ? (first?.passphrase ?? null) : passphrase
    },
    ...others
  ]
}

function properties({ configuration, version }: View, profile: ClientSsl): JsonObject {
  const { defaultsFrom, appService } = profile
  const pairs = effectivePairs(configuration, profile.fullPath).map((pair) => shownPair(pair, version))
  const [first] = pairs
  return {
    appService: appService ?? 'none',
    certKeyChain: pairs,
    ...(first ? without(first, ['name', 'appService', 'usage']) : {}),
    defaultsFrom: defaultsFrom ?? 'none',
    ...(defaultsFrom === null
      ? {}
      : { defaultsFromReference: reference(clientSslPath, defaultsFrom, version) }),
    inheritCertkeychain: profile.certKeyChain === null ? 'true' : 'false'
  }
}

function shownPair({ name, cert, key, chain, passphrase }: CertKeyChain, version: string): JsonObject {
  return {
    name,
    appService: 'none',
    cert,
    certReference: reference(certPath, cert, version),
    chain: chain ?? 'none',
    ...(chain === null ? {} : { chainReference: reference(certPath, chain, version) }),
    key,
    keyReference: reference(keyPath, key, version),
    ...(passphrase === null ? {} : { passphrase: sealed(passphrase) }),
    ...(isSince(version, '14.0') ? { usage: 'SERVER' } : {})
  }
}

function sorted(body: JsonObject): JsonObject {
  const names = Object.keys(body).sort((a, b) => (a < b ? -1 : 1))
  return Object.fromEntries(names.map((name) => [name, body[name] as Json]))
}
