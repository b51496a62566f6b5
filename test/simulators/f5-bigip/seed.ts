import { type Configuration, type Draft, draftOf } from './configuration.ts'
import { factoryConfiguration } from './factory.ts'
import type { JsonObject } from './json.ts'
import { partsOf } from './names.ts'
import { type Command, perform, placeOf } from './objects.ts'
import type { Actor } from './resource.ts'
import { validate } from './validation.ts'

/** What a unit is told before anybody comes. Names are full paths. */
export interface Seed {
  /** by name, with the default route domain */
  readonly partitions?: Readonly<Record<string, number>>
  readonly folders?: Readonly<Record<string, { readonly appService?: string }>>
  /** PEM by full path */
  readonly certs?: Readonly<Record<string, string>>
  readonly keys?: Readonly<Record<string, string | { readonly pem: string; readonly passphrase: string }>>
  /** bodies by full path, in an order in which parents come first */
  readonly clientSsl?: Readonly<Record<string, JsonObject>>
  readonly serverSsl?: Readonly<Record<string, JsonObject>>
  readonly virtuals?: Readonly<Record<string, JsonObject>>
  /** virtual servers whose address is of no floating traffic group */
  readonly localVirtuals?: readonly string[]
  /** settings of the GUI's web server */
  readonly httpd?: JsonObject
}

/** The configuration of a new unit with the seed in it. Throws what the device would refuse. */
export function seeded(
  seed: Seed,
  { now, version }: { readonly now: number; readonly version: string }
): Configuration {
  const draft = draftOf(factoryConfiguration(now))
  const files = new Map<string, string>()
  const actor: Actor = {
    user: 'admin',
    mayChange: () => true,
    now,
    version,
    readFile: (path) => files.get(path) ?? null,
    writeFile: () => {}
  }
  const create = (path: string, fullPath: string, body: JsonObject) => {
    const { name, partition, subPath } = partsOf(fullPath)
    const place = placeOf(path.split('/'))
    const whole = { name, partition, ...(subPath === null ? {} : { subPath }), ...body }
    if (place) perform(draft, { method: 'POST', place, body: whole } satisfies Command, actor)
  }
  const createFile = (path: string, fullPath: string, body: JsonObject & { readonly content: string }) => {
    const { content, ...rest } = body
    files.set(`/tmp${fullPath}`, content)
    create(path, fullPath, { ...rest, sourcePath: `file:///tmp${fullPath}` })
  }
  for (const [name, defaultRouteDomain] of Object.entries(seed.partitions ?? {})) {
    create('auth/partition', `/Common/${name}`, { defaultRouteDomain })
  }
  for (const [fullPath, body] of Object.entries(seed.folders ?? {})) {
    create('sys/folder', fullPath, { name: fullPath, ...body })
  }
  for (const [fullPath, content] of Object.entries(seed.certs ?? {})) {
    createFile('sys/file/ssl-cert', fullPath, { content })
  }
  for (const [fullPath, key] of Object.entries(seed.keys ?? {})) {
    const { pem, ...rest } = typeof key === 'string' ? { pem: key } : key
    createFile('sys/file/ssl-key', fullPath, { content: pem, ...rest })
  }
  for (const [fullPath, body] of Object.entries(seed.clientSsl ?? {}))
    create('ltm/profile/client-ssl', fullPath, body)
  for (const [fullPath, body] of Object.entries(seed.serverSsl ?? {}))
    create('ltm/profile/server-ssl', fullPath, body)
  for (const [fullPath, body] of Object.entries(seed.virtuals ?? {})) create('ltm/virtual', fullPath, body)
  markLocal(draft, seed.localVirtuals ?? [])
  draft.httpd = { ...draft.httpd, ...seed.httpd }
  validate(draft, version)
  return draft
}

function markLocal(draft: Draft, names: readonly string[]): void {
  for (const name of names) {
    const virtual = draft.virtuals[name]
    if (virtual) draft.virtuals[name] = { ...virtual, isFloating: false }
  }
}
