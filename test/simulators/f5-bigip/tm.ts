import type { Account } from './accounts.ts'
import { type Availability, runConfigSync } from './availability.ts'
import { collectionKind, selection, shownCollection, shownObject, visiblePaths } from './collection.ts'
import { installPkcs12 } from './crypto-objects.ts'
import { type JsonObject, textOf } from './json.ts'
import { type Answer, checkMethod, type Command, perform, type Place, placeOf } from './objects.ts'
import { accessDenied, badProperty, framework, notFound, Refusal, unknownPath } from './refusal.ts'
import { reading } from './readings.ts'
import type { Saving } from './saving.ts'
import type { System } from './system.ts'
import type { Transactions } from './transactions.ts'
import { runUtility } from './utilities.ts'
import { maySee } from './accounts.ts'

/** The parts of a unit that answer below /mgmt/tm. */
export interface TmWorld {
  readonly system: System
  readonly accounts: readonly Account[]
  readonly availability: Availability
  readonly transactions: Transactions
  readonly saving: Saving
  /** the unit gives its traffic to the other */
  readonly standBy: () => Promise<void>
}

/** A request below /mgmt/tm. */
export interface TmRequest {
  readonly method: string
  /** as it was written, without the query */
  readonly path: string
  /** below /mgmt/tm */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly body: JsonObject
  readonly caller: Account
  /** X-F5-REST-Coordination-Id */
  readonly transaction: string | undefined
}

/** Answers a request; null: status 200 and nothing else. */
export async function answerTm(world: TmWorld, request: TmRequest): Promise<JsonObject | null> {
  const { method, segments, transaction, path } = request
  if (segments[0] === 'transaction') {
    if (transaction !== undefined && method !== 'GET') {
      throw new Refusal(400, `The transaction (${transaction}) cannot hold a command for a transaction.`, {
        apiError: 2
      })
    }
    const { body, caller } = request
    return world.transactions.answer({ method, segments: segments.slice(1), body, caller })
  }
  if (method === 'GET') return read(world, request)
  const command = await commanded(world, request)
  if (command) return command()
  const place = placeOf(segments)
  if (!place) throw unknownPath(path)
  const change: Command = { method: verb(method), place, body: request.body }
  if (transaction !== undefined) {
    checkMethod(change)
    return world.transactions.queue(transaction, change, path)
  }
  const [answer] = await commit(world.system, { commands: [change], caller: request.caller })
  return answer ? answer({ configuration: world.system.running, version: world.system.version }) : null
}

/** Commands that are to be done together, and by whom. */
export interface Commission {
  readonly commands: readonly Command[]
  readonly caller: Account
  readonly isOnlyTried?: boolean
}

/** Makes all changes, or none. */
export function commit(
  system: System,
  { commands, caller, isOnlyTried = false }: Commission
): Promise<Answer[]> {
  const actor = system.actor(caller)
  return system.change((draft) => commands.map((command) => perform(draft, command, actor)), { isOnlyTried })
}

function verb(method: string): Command['method'] {
  if (method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'DELETE') return method
  throw framework(405, `Method ${method} not allowed`)
}

function read(world: TmWorld, { segments, query, caller, path }: TmRequest): JsonObject {
  const place = placeOf(segments)
  if (place) return readPlace(world.system, place, { query, caller })
  const found = reading(world, segments, query)
  if (!found) throw unknownPath(path)
  return found
}

interface Reading {
  readonly query: URLSearchParams
  readonly caller: Account
}

function readPlace(
  system: System,
  { resource, fullPath, sub, item }: Place,
  { query, caller }: Reading
): JsonObject {
  const { version } = system
  const view = { configuration: system.running, version }
  if (fullPath === null) {
    const items = visiblePaths(resource, view, caller).map((one) =>
      shownObject(resource, view, { fullPath: one, query })
    )
    return shownCollection({
      path: resource.path,
      kind: collectionKind(resource.kind),
      items,
      query,
      version
    })
  }
  if (!resource.has(view.configuration, fullPath)) throw notFound(resource.type, fullPath)
  const partition = fullPath.split('/')[1] ?? ''
  if (!maySee(caller, partition)) throw accessDenied(caller.name, partition)
  if (!sub) return selection(shownObject(resource, view, { fullPath, query }), query)
  const items = sub.list(view, fullPath)
  if (item === null) {
    const path = `${resource.path}/${encodeURIComponent(fullPath.replaceAll('/', '~'))}/${sub.name}`
    return shownCollection({ path, kind: collectionKind(sub.kind), items, query, version })
  }
  const found = items.find((one) => one['fullPath'] === item)
  if (!found) throw notFound('virtual server profile', item)
  return selection(found, query)
}

/** What is done at once, and never in a transaction: the header is not looked at. */
async function commanded(
  { system, availability, saving, standBy }: TmWorld,
  { method, segments, body, caller }: TmRequest
): Promise<(() => JsonObject) | null> {
  if (method === 'PATCH' && segments.join('/') === 'sys/httpd') {
    await system.change((draft) => void (draft.httpd = { ...draft.httpd, ...body }))
    return () => system.running.httpd
  }
  if (method !== 'POST') return null
  const [first, second, third] = segments
  if (first === 'util' && second !== undefined && third === undefined) {
    const result = runUtility(system.disk, second, body)
    return () => result
  }
  switch (segments.join('/')) {
    case 'sys/config': {
      const saved = await saving.run(body)
      return () => saved
    }
    case 'cm':
    case 'cm/config-sync': {
      const asked = runConfigSync(availability, body)
      return () => asked
    }
    case 'sys/failover':
      if (textOf(body, 'command') !== 'run') throw badProperty('command')
      await standBy()
      return () => ({ kind: 'tm:sys:failover:runstate', ...body })
    case 'sys/crypto/pkcs12': {
      await system.change((draft) => installPkcs12(draft, body, system.actor(caller)))
      return () => ({ kind: 'tm:sys:crypto:pkcs12:installstate', ...body })
    }
    default:
      return null
  }
}
