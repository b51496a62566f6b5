import { hash } from 'node:crypto'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { readPem } from '../../pki/pem.ts'
import type { BoundPlan } from '../contract.ts'
import {
  adopt,
  currentGeneration,
  stage,
  type Staged,
  switchedAt,
  switchTo,
  unadopt,
  unstage
} from '../shared/generations.ts'
import { shown } from '../shared/host.ts'
import type { CheckedPair } from '../shared/pair.ts'
import type { Step } from '../shared/steps.ts'
import { joined, sha256Of } from './client.ts'
import type { ChangeFacts, PlannedPlace, RuntimePlace } from './facts.ts'
import { abortIfOurs, commitCertificate, servedSha1 } from './haproxy-runtime.ts'
import type { Program, Reload } from './model.ts'
import { findProgram, freshness, freshnessOf, reloadProgram, startProgram, testProgram } from './programs.ts'
import type { HostAccess } from './survey.ts'

/** What the steps of a change work with. */
export interface Change {
  readonly access: HostAccess
  readonly plan: BoundPlan
  readonly facts: ChangeFacts
  /** checked; empty for a rollback */
  readonly pairs: readonly CheckedPair[]
}

/** The steps of a change, made from its facts alone. */
export function stepsOf(facts: ChangeFacts): Step<Change>[] {
  const all = [...facts.reloaded, ...facts.tested]
  return [
    ...(facts.parts.some(({ before }) => before.kind !== 'ours') ? [adoptStep(facts)] : []),
    stageStep(facts),
    beforeStep(facts, all),
    ...facts.runtime.map((runtime, at) => commitStep(runtime, at)),
    switchStep(facts),
    ...(all.some(({ test }) => test) ? [testStep(all)] : []),
    afterStep(facts)
  ]
}

/** the files keep their content: a reload at any moment serves what it served */
function adoptStep({ layout, parts }: ChangeFacts): Step<Change> {
  const paths = parts.filter(({ before }) => before.kind !== 'ours').map(({ path }) => path)
  return {
    id: 'adopt',
    says: `Move ${paths.join(', ')} below ${layout.site} unchanged and put links in their place`,
    apply: ({ access }) => adopt(access.files, layout, parts),
    undo: async ({ access }) => {
      if (!layout.existed) await access.files.remove(toldPath(layout.site))
      await unadopt(access.files, layout, parts)
    }
  }
}

function stageStep({ layout }: ChangeFacts): Step<Change> {
  return {
    id: 'stage',
    says: `Write certificate, intermediates and key to ${layout.site}/${layout.next} and read them back`,
    apply: (change) => stage(change.access.files, layout, stagedFiles(change)),
    undo: ({ access }) => unstage(access.files, layout)
  }
}

/**
 * Stands before the switch so that its undo comes behind the undo of the switch: only then do programs read the old
 * files again.
 */
function beforeStep({ layout, reloaded }: ChangeFacts, all: readonly Program[]): Step<Change> {
  const tests = all.flatMap(({ test }) => (test ? [shown(test)] : []))
  const { site, old, next } = layout
  return {
    id: 'test-before',
    says: tests.length > 0 ? `Test the configuration as it stands: ${tests.join('; ')}` : 'Go on from here',
    async apply({ access }) {
      if ((await currentGeneration(access.files, site)) === next) return
      for (const program of all) await testProgram(access, program, 'device-broken')
    },
    async undo({ access }) {
      const { files } = access
      const due = await files.readLink(duePath(site))
      if (due === undefined) return
      for (const at of due.split('-').slice(1).map(Number)) {
        const program = reloaded[at]
        if (program) await readAgain(access, program)
      }
      if ((await files.readLink(toldPath(site))) !== undefined) await tell(access, site, old)
      await files.remove(duePath(site))
    }
  }
}

/** lets a program that may have read the new files read the old ones */
async function readAgain(access: HostAccess, program: Program): Promise<void> {
  const isDead = (await freshness(access, program, 0)) === 'dead'
  // who does not run, and was not ended by us, reads them when it is started
  if (program.reload === null || (isDead && program.start === null)) return
  await testProgram(access, program, 'device-broken')
  if (isDead) await startProgram(access, program)
  else await reloadProgram(access, program, await findProgram(access, program))
}

function switchStep({ layout, reloaded }: ChangeFacts): Step<Change> {
  const { site, old, next } = layout
  return {
    id: 'switch',
    says: `Switch ${site}/cur from ${old} to ${next}`,
    async apply(change) {
      const { files } = change.access
      await files.remove(duePath(site))
      if ((await currentGeneration(files, site)) === next) return
      for (const { name, content } of stagedFiles(change)) {
        if (content === 'as before') continue
        if ((await files.hash(`${site}/${next}/${name}`)) !== sha256Of(content)) {
          throw new Fault('device-changed', `${site}/${next}/${name} is not what was written there.`)
        }
      }
      await switchTo(files, site, next)
    },
    async undo({ access }) {
      const { files } = access
      if ((await currentGeneration(files, site)) !== next) return
      const since = await switchedAt(files, site)
      const due: number[] = []
      for (const [at, program] of reloaded.entries()) {
        // who has not read the new files need not read the old ones again, nor anybody's pending edits
        if ((await freshness(access, program, since)) !== 'none') due.push(at)
      }
      await files.remove(duePath(site))
      if (due.length > 0) await files.makeLink(duePath(site), ['due', ...due].join('-'))
      await switchTo(files, site, old)
    }
  }
}

function testStep(programs: readonly Program[]): Step<Change> {
  return {
    id: 'test',
    says: `Test again with the new files: ${programs.flatMap(({ test }) => (test ? [shown(test)] : [])).join('; ')}`,
    async apply({ access }) {
      for (const program of programs) await testProgram(access, program, 'device-refused')
    },
    undo: async () => {}
  }
}

/** puts a certificate into a running HAProxy; every connection from now on gets it, without a reload */
function commitStep(runtime: RuntimePlace, at: number): Step<Change> {
  const { name, socket } = runtime
  return {
    id: `commit-${at + 1}`,
    says: `Put the certificate ${name} into the running HAProxy (${socket})`,
    apply: (change) => commitNew(change, runtime),
    undo: (change) => commitOld(change, runtime)
  }
}

/** the last step: whoever has not read the new files does so now */
function afterStep({ reloaded, runtime, layout }: ChangeFacts): Step<Change> {
  const { site, next } = layout
  const says = [
    ...reloaded.map(({ name, reload }) => `${name}: ${reload ? shownReload(reload) : 'nothing tells it'}`),
    ...(runtime.length > 0 ? ['see that HAProxy still serves the new certificates'] : [])
  ]
  return {
    id: 'reload',
    says: `Let programs read their files again and see that they did: ${says.join('; ')}`,
    async apply(change) {
      const { access } = change
      const since = await switchedAt(access.files, site)
      for (const program of reloaded) {
        const found = await findProgram(access, program)
        const fresh = freshnessOf(program, found, since)
        const isTold = fresh === 'unknown' && (await access.files.readLink(toldPath(site))) === next
        if (fresh === 'all' || isTold || program.reload === null) continue
        await reloadProgram(access, program, found)
      }
      if (reloaded.some(({ kind }) => kind === 'files')) await tell(access, site, next)
      // a reload between commit and switch has brought the old ones back
      for (const one of runtime) await commitNew(change, one)
    },
    undo: async () => {}
  }
}

/** a link that says which programs must read the old files again; made before a switch back */
function duePath(site: string): string {
  return `${site}/reload-due`
}

/** a link that says which generation programs without visible workers were told of */
export function toldPath(site: string): string {
  return `${site}/told`
}

async function tell({ files }: HostAccess, site: string, generation: string): Promise<void> {
  if ((await files.readLink(toldPath(site))) === generation) return
  await files.remove(toldPath(site))
  await files.makeLink(toldPath(site), generation)
}

function shownReload(reload: Reload): string {
  if (reload.by === 'command') return shown(reload.argv)
  if (reload.by === 'master') return `reload on ${reload.socket}`
  return `signal ${reload.signal} to the process of ${reload.pidFile}`
}

async function commitNew(change: Change, runtime: RuntimePlace): Promise<void> {
  const { access, facts } = change
  const { socket, name, limit } = runtime
  const place = facts.places[runtime.place]
  const pair = place && pairFor(change, place)
  if (!place || !pair) return
  const sha1 = hash('sha1', pair.der, 'hex')
  const now = await servedSha1(access.host, socket, name)
  if (now === sha1) return
  if (now !== place.sha1) {
    throw new Fault(
      'device-changed',
      `HAProxy serves another certificate as ${name} than when the plan was made.`
    )
  }
  await commitCertificate(access.host, { socket, name, limit, sha1, pem: contentOf(place, pair, 'combined') })
}

async function commitOld({ access, facts }: Change, runtime: RuntimePlace): Promise<void> {
  const { socket, name, limit } = runtime
  const place = facts.places[runtime.place]
  const file = place?.files.find(({ role }) => role === 'combined')
  if (!place || !file) return
  const { site, old, next } = facts.layout
  const sha1 = await leafSha1(access, `${site}/${next}/${file.name}`)
  // without a staged file nothing was committed, or its undo is complete
  if (sha1 === undefined || sha1 === place.sha1) return
  const now = await servedUnlessGone(access, socket, name)
  if (now === undefined) return
  await abortIfOurs(access.host, { socket, name, sha1 })
  if (now !== sha1) return
  const before = await access.files.read(`${site}/${old}/${file.name}`)
  if (!before)
    throw new Fault('device-changed', `${site}/${old}/${file.name} is gone: HAProxy keeps the new one.`)
  const pem = new Secret(before.toString())
  await commitCertificate(access.host, { socket, name, limit, sha1: place.sha1, pem })
}

/** undefined also where HAProxy does not run: its next start reads the files */
async function servedUnlessGone(
  { host }: HostAccess,
  socket: string,
  name: string
): Promise<string | undefined> {
  try {
    return await servedSha1(host, socket, name)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'device-refused') return undefined
    throw thrown
  }
}

/** SHA-1 of the first certificate of a file on the host */
export async function leafSha1({ files }: HostAccess, path: string): Promise<string | undefined> {
  const leaf = await leafOf(files, path)
  return leaf && hash('sha1', leaf, 'hex')
}

/** The first certificate of a file on the host, DER. */
export async function leafOf(files: HostAccess['files'], path: string): Promise<Buffer | undefined> {
  const content = await files.read(path)
  try {
    return content && readPem(content.toString('latin1')).find(({ label }) => label === 'CERTIFICATE')?.der
  } catch {
    // cut short while it was written
    return undefined
  }
}

function pairFor({ pairs }: Change, { ordered }: PlannedPlace): CheckedPair | undefined {
  return pairs.find(({ family }) => family === ordered)
}

/** what the next generation holds */
function stagedFiles(change: Change): Staged[] {
  const { facts } = change
  const { site, old } = facts.layout
  const staged = new Map<string, Staged>()
  for (const place of facts.places) {
    const pair = pairFor(change, place)
    for (const { role, name } of place.files) {
      const part = facts.parts.find((part) => part.name === name)
      // what belongs to the old leaf, an OCSP response, has no place beside the new one
      if (!part || (pair && role === 'beside')) continue
      // one file may be the certificate of one program and certificate and key of another
      if (staged.has(name) && role !== 'combined') continue
      const content = pair ? contentOf(place, pair, role) : ('as before' as const)
      staged.set(name, { name, owned: part.owned, content, labelOf: `${site}/${old}/${name}` })
    }
  }
  return [...staged.values()]
}

function contentOf(place: PlannedPlace, { leaf, chain, key }: CheckedPair, role: string): Secret {
  const hasChainFile = place.files.some((file) => file.role === 'chain')
  if (role === 'key') return key
  if (role === 'cert') return new Secret(hasChainFile ? leaf : leaf + chain)
  // servers refuse an empty file
  if (role === 'chain') return new Secret(chain === '' ? leaf : chain)
  const texts = place.keyFirst ? [key, leaf, chain] : [leaf, chain, key]
  return joined([...texts, place.extra])
}
