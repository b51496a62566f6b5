import { hash } from 'node:crypto'
import { posix } from 'node:path'
import type { BoundPlan, Json, KeyFamily, Plan } from '../contract.ts'
import type { HostFiles } from '../shared/files.ts'
import { currentGeneration, isTaken, type Layout, type Part } from '../shared/generations.ts'
import type { Program, Role } from './model.ts'

/** What a plan keeps for deploy, verify and rollback. Holds no key. */
export interface ChangeFacts {
  readonly layout: Layout
  /** every file that programs are configured to read */
  readonly parts: readonly Part[]
  readonly places: readonly PlannedPlace[]
  /** programs that read their files again by a reload */
  readonly reloaded: readonly Program[]
  /** programs that only have their configuration tested: HAProxy that takes certificates at runtime */
  readonly tested: readonly Program[]
  readonly runtime: readonly RuntimePlace[]
  /** configuration files, absolute */
  readonly configs: readonly string[]
}

/** A place for one certificate, as a deployment fills it. */
export interface PlannedPlace {
  readonly object: string
  /** the new certificate that it gets; null: it stays as it is */
  readonly ordered: KeyFamily | null
  /** SHA-1 of the leaf that it holds now */
  readonly sha1: string
  readonly files: readonly { readonly role: Role; readonly name: string }[]
  readonly keyFirst: boolean
  readonly extra: string
}

/** A certificate that is put into a running HAProxy. */
export interface RuntimePlace {
  readonly program: string
  readonly socket: string
  /** HAProxy's name for it */
  readonly name: string
  /** index among the places */
  readonly place: number
  readonly limit: number
  /** accounts of its workers, which hold the key anyway; left out by plans of earlier versions */
  readonly keepers?: readonly number[]
}

/** Facts as a plan stores them. */
export function storedFacts(facts: ChangeFacts): Json {
  return JSON.parse(JSON.stringify(facts)) as Json
}

/** Facts of a plan that this connector made. */
export function factsOf(plan: Plan | BoundPlan): ChangeFacts {
  return plan.facts as unknown as ChangeFacts
}

/**
 * Digest of what a plan rests on: the content that each configured path had and the configuration files. Our own
 * steps do not change it; another generation than the plan's does.
 */
export async function stateOf(files: HostFiles, facts: ChangeFacts): Promise<string> {
  const { layout, parts, configs } = facts
  const current = await currentGeneration(files, layout.site)
  const isKnown =
    current === undefined ||
    current === layout.old ||
    current === layout.next ||
    !(await isTaken(files, layout, parts))
  const contents: (readonly [string, string])[] = []
  for (const part of parts) contents.push([part.path, (await formerContent(files, layout, part)) ?? ''])
  const read: (readonly [string, string])[] = []
  for (const path of configs) read.push([path, (await files.hash(path)) ?? ''])
  return hash('sha256', JSON.stringify([isKnown ? 'ours' : current, contents, read]), 'hex')
}

/** the hash of what stood at a path before we began: behind our link it is in the old generation */
async function formerContent(
  files: HostFiles,
  { site, old }: Layout,
  { path, name }: Part
): Promise<string | undefined> {
  const to = await files.readLink(path)
  const isOurs = to !== undefined && posix.resolve(posix.dirname(path), to) === `${site}/cur/${name}`
  if (isOurs) return files.hash(`${site}/${old}/${name}`)
  const real = await files.realPath(path)
  return real === undefined ? undefined : files.hash(real)
}
