import { hash } from 'node:crypto'
import { Fault } from '../../core/fault.ts'
import type { BoundPlan, Verdict } from '../contract.ts'
import { currentGeneration, generationsOf, removeGeneration, switchedAt } from '../shared/generations.ts'
import { leafOf, leafSha1, toldPath } from './change.ts'
import { factsOf, type PlannedPlace } from './facts.ts'
import { servedSha1 } from './haproxy-runtime.ts'
import { freshness } from './programs.ts'
import { findTargets, type HostAccess } from './survey.ts'
import { requireClosed } from './trust.ts'

/**
 * Reads back from disk and processes whether everything of a bound plan is in place. Certificates that the target held
 * before the plan was made are in place where they lie: there is nothing to deploy then.
 */
export async function verifyChange(access: HostAccess, plan: BoundPlan): Promise<Verdict> {
  const held = await heldAlready(access, plan)
  const onDisk = held ? [] : await wrongOnDisk(access, plan)
  // programs that read it now would read the wrong files: what they have read says no more
  const why =
    onDisk.length > 0 ? onDisk : await wrongInProcesses(access, plan, held ?? (await staged(access, plan)))
  return why.length === 0 ? { state: 'in-place' } : { state: 'differs', why }
}

/** Where the files lie that programs must have read. */
interface Lying {
  /** path of a file by its name in a generation */
  readonly pathOf: (name: string) => string
  /** when they came there, milliseconds by the host's clock */
  readonly since: number
  /** the generation that programs without visible workers must have been told of; null: nobody kept that */
  readonly told: string | null
}

async function staged({ files }: HostAccess, plan: BoundPlan): Promise<Lying> {
  const { site, next } = factsOf(plan).layout
  return { pathOf: (name) => `${site}/${next}/${name}`, since: await switchedAt(files, site), told: next }
}

/** undefined: the target holds other certificates, or the plan has been carried out */
async function heldAlready({ files }: HostAccess, plan: BoundPlan): Promise<Lying | undefined> {
  const { layout, parts, places } = factsOf(plan)
  const { site, existed, old, next } = layout
  const current = await currentGeneration(files, site)
  if (current === next || (existed && current !== old)) return undefined
  const pathOf = (name: string) => parts.find((part) => part.name === name)?.path ?? ''
  for (const place of places) {
    const wanted = place.ordered && plan.bound[place.ordered]
    if (wanted && (await leafIn(files, place, pathOf)) !== wanted) return undefined
  }
  if (existed) return { pathOf, since: await switchedAt(files, site), told: old }
  const real = await Promise.all(parts.map(async ({ path }) => (await files.realPath(path)) ?? path))
  return { pathOf, since: Math.max(...(await files.mtimes(real))), told: null }
}

/** SHA-256 of the certificate in a place, hex; `none` when there is none */
async function leafIn(
  files: HostAccess['files'],
  place: PlannedPlace,
  pathOf: Lying['pathOf']
): Promise<string> {
  const file = place.files.find(({ role }) => role === 'cert' || role === 'combined')
  const leaf = file && (await leafOf(files, pathOf(file.name)))
  return leaf ? hash('sha256', leaf, 'hex') : 'none'
}

async function wrongOnDisk({ files }: HostAccess, plan: BoundPlan): Promise<string[]> {
  const { layout, parts, places } = factsOf(plan)
  const { site, next } = layout
  const current = await currentGeneration(files, site)
  if (current !== next) return [`${site}/cur leads to ${current ?? 'nothing'}, not to ${next}`]
  const wrong: string[] = []
  for (const { path, name } of parts) {
    const places_ = places.filter(({ files }) => files.some((file) => file.name === name))
    const isLeft = places_.every(
      ({ ordered, files }) =>
        ordered !== null && files.some((file) => file.name === name && file.role === 'beside')
    )
    const real = await files.realPath(path)
    if (isLeft ? real !== undefined : real !== `${site}/${next}/${name}`) {
      wrong.push(`${path} leads to ${real ?? 'nothing'}, not into ${site}/${next}`)
    }
  }
  for (const place of places) {
    const { ordered, files: held } = place
    const file = held.find(({ role }) => role === 'cert' || role === 'combined')
    if (ordered === null || !file) continue
    const fingerprint = await leafIn(files, place, (name) => `${site}/${next}/${name}`)
    if (fingerprint !== plan.bound[ordered]) {
      wrong.push(
        `${site}/${next}/${file.name} holds the certificate ${fingerprint}, not ${plan.bound[ordered] ?? 'none'}`
      )
    }
  }
  return wrong
}

async function wrongInProcesses(access: HostAccess, plan: BoundPlan, lying: Lying): Promise<string[]> {
  const { files, host } = access
  const { layout, places, reloaded, runtime } = factsOf(plan)
  const { pathOf, since, told } = lying
  const wrong: string[] = []
  for (const program of reloaded) {
    const fresh = await freshness(access, program, since)
    if (fresh === 'dead') wrong.push(`${program.name} does not run`)
    if (fresh === 'none') wrong.push(`${program.name} has not read its files since the switch`)
    if (fresh === 'unknown' && told !== null && (await files.readLink(toldPath(layout.site))) !== told) {
      wrong.push(`${program.name} was not told to read its files again`)
    }
  }
  for (const { socket, name, place } of runtime) {
    const file = places[place]?.files.find(({ role }) => role === 'combined')
    const wanted = file && (await leafSha1(access, pathOf(file.name)))
    const shown = await shownBy(access, socket, name)
    if (wanted !== undefined && shown !== wanted) {
      wrong.push(`HAProxy on ${host.name} serves as ${name} ${shown}, not ${wanted} (SHA-1)`)
    }
  }
  return wrong
}

async function shownBy({ host }: HostAccess, socket: string, name: string): Promise<string> {
  try {
    return (await servedSha1(host, socket, name)) ?? 'nothing'
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'device-refused') return 'nothing (it does not run)'
    throw thrown
  }
}

/**
 * Removes generations of a plan's target but for the one that is switched on and the last `keep` before it. Nothing is
 * removed while a program may still read from it.
 */
export async function cleanChange(access: HostAccess, plan: BoundPlan, keep: number): Promise<string[]> {
  const { files } = access
  const { layout, reloaded } = factsOf(plan)
  const { site } = layout
  const current = await currentGeneration(files, site)
  if (current === undefined) return []
  await requireClosed(access, factsOf(plan))
  const since = await switchedAt(files, site)
  for (const program of reloaded) {
    const fresh = await freshness(access, program, since)
    if (fresh === 'none' || fresh === 'dead') return []
  }
  const others = (await generationsOf(files, site)).filter((one) => one !== current)
  const left = keep === 0 ? others : others.slice(0, -keep)
  const targets = await findTargets(access)
  const used = targets.flatMap(({ places }) => places.flatMap((place) => place.files.map(({ real }) => real)))
  const removed: string[] = []
  for (const generation of left) {
    const directory = `${site}/${generation}`
    if (used.some((path) => path.startsWith(`${directory}/`))) continue
    await removeGeneration(files, site, generation)
    removed.push(directory)
  }
  return removed
}
