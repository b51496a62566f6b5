import { posix } from 'node:path'
import { type Clock, sleep } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { type Host, type Ran, saidBy, shown } from '../shared/host.ts'
import { argumentsOf as apacheArguments } from './apache.ts'
import { listProcesses, type Process, signalByPidFile } from './client.ts'
import { argumentsOf as haproxyArguments } from './haproxy.ts'
import { reloadByMaster } from './haproxy-runtime.ts'
import type { Program } from './model.ts'
import { isWorker, titleOf } from './nginx.ts'
import { isTrusted, type Trust } from './trust.ts'

/** What acting on programs needs. */
export interface Controls {
  /** as the login */
  readonly host: Host
  /** as root where the device says so */
  readonly root: Host
  readonly trust: Trust
  readonly clock: Clock
}

/** Commands of the programs that have processes to look at. */
export const commandsOf: Readonly<Record<Program['kind'], readonly string[]>> = {
  nginx: ['nginx'],
  haproxy: ['haproxy'],
  apache: ['apache2', 'httpd'],
  files: []
}

const controlMs = 120_000

/** Tests a program's configuration. Fault `code` with the words of the test, device-right when it may not be run. */
export async function testProgram(
  { root }: Controls,
  program: Program,
  code: 'device-broken' | 'device-refused'
): Promise<void> {
  if (!program.test) return
  const ran = await root.run(program.test, { timeoutMs: controlMs })
  if (ran.code === 0) return
  const words = `${shown(program.test)}: ${saidBy(ran)}`
  if (ran.code === 127 || /Permission denied/.test(ran.stderr)) {
    throw new Fault(
      'device-right',
      `The configuration of ${program.name} cannot be tested: ${words}. Run as root or by sudo.`
    )
  }
  const what =
    code === 'device-broken'
      ? `The configuration of ${program.name} is broken as it stands`
      : `${program.name} does not accept its configuration with the new certificate`
  throw new Fault(code, `${what}: ${words}.`, { program: program.name })
}

/** The parent of a program's workers, and the workers that take new connections. */
export interface Found {
  readonly master: Process
  readonly workers: readonly Process[]
}

/** pauses between looks at a program that seems not to run: in a reload there are moments without a worker */
const pausesMs = [100, 200, 400, 800, 1_500]

/** Looks for a program among the processes; undefined: it does not run, or has none to look at. */
export async function findProgram(controls: Controls, program: Program): Promise<Found | undefined> {
  if (program.kind === 'files') return undefined
  let found = await lookFor(controls, program)
  for (const pause of pausesMs) {
    if (found && found.workers.length > 0) break
    await sleep(controls.clock, pause)
    found = await lookFor(controls, program)
  }
  return found
}

async function lookFor({ host, trust }: Controls, program: Program): Promise<Found | undefined> {
  const processes = await listProcesses(host, commandsOf[program.kind])
  const master = processes.find((one) => isTrusted(trust, one) && isMasterOf(program, one, processes))
  if (!master) return undefined
  const children = processes.filter(({ parent }) => parent === master.pid)
  if (program.kind === 'nginx') return { master, workers: children.filter(({ argv }) => isWorker(argv)) }
  if (program.kind === 'haproxy' && !haproxyArguments(master.argv).hasMaster)
    return { master, workers: [master] }
  return { master, workers: children }
}

function isMasterOf(program: Program, { argv, parent, cwd }: Process, all: readonly Process[]): boolean {
  const kept = program.test?.slice(1, -1) ?? []
  if (program.kind === 'nginx') {
    const [title = ''] = argv
    return title.startsWith('nginx: master process') && same([...titleOf(title).options].flat(), kept)
  }
  if (all.some(({ pid }) => pid === parent)) return false
  if (program.kind === 'apache') return same(apacheArguments(argv).kept, kept)
  const { configs, directory } = haproxyArguments(argv)
  return configs.map((path) => posix.resolve(directory ?? cwd ?? '/', path)).join(' ') === program.id
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((word, at) => word === other[at])
}

/** Whether the workers of a program began after a time. */
export type Freshness =
  /** all of them, surely */
  | 'all'
  /** some, or it cannot be told: old ones finish their connections, or they began at about that time */
  | 'some'
  /** surely none */
  | 'none'
  /** it does not run */
  | 'dead'
  /** no processes to look at */
  | 'unknown'

/** start times and times of files are good to this much, milliseconds */
const margin = 60

/** How many of a program's workers began after `since` (milliseconds by the host's clock). */
export async function freshness(controls: Controls, program: Program, since: number): Promise<Freshness> {
  return freshnessOf(program, await findProgram(controls, program), since)
}

/** The same of a program that was looked for already. */
export function freshnessOf({ kind }: Program, found: Found | undefined, since: number): Freshness {
  if (kind === 'files') return 'unknown'
  if (!found || found.workers.length === 0) return 'dead'
  const { workers } = found
  if (workers.every(({ began }) => began > since + margin)) return 'all'
  return workers.every(({ began }) => began < since - margin) ? 'none' : 'some'
}

const proofMs = 15_000
const proofEveryMs = 150
/** a host that takes long is not asked ever more often */
const proofSeldomMs = 1_500

/**
 * Reloads a program, as it was found just `before`, and waits until other workers take the connections. A reload
 * command tells nothing by its exit code: nginx keeps its old workers when it cannot bind, and Apache ends altogether.
 * Fault device-refused.
 */
export async function reloadProgram(
  controls: Controls,
  program: Program,
  before: Found | undefined
): Promise<void> {
  const { clock } = controls
  if (program.kind !== 'files' && !before) throw ended(program)
  // so that new workers are later than what they read, by more than the clocks differ
  await sleep(clock, 4 * margin)
  await askToReload(controls, program)
  if (!before) return
  const old = new Set(before.workers.map(({ pid }) => pid))
  let last: Found | undefined
  let wait = proofEveryMs
  for (const end = clock.ticks() + proofMs; clock.ticks() < end; wait = Math.min(2 * wait, proofSeldomMs)) {
    await sleep(clock, wait)
    last = await findProgram(controls, program)
    if (!last) throw ended(program)
    if (isReplaced(program, last, old)) return
  }
  const isPartly = last?.workers.some(({ pid }) => !old.has(pid)) ?? false
  // old workers of Apache and HAProxy serve long transfers on
  if (isPartly && program.kind !== 'nginx') return
  throw new Fault(
    'device-refused',
    `${program.name} still runs with its old workers ${proofMs / 1000} s after the reload (${old.size} of them): its error log says why.`,
    { program: program.name }
  )
}

function isReplaced({ kind }: Program, { workers }: Found, old: ReadonlySet<number>): boolean {
  const fresh = workers.filter(({ pid }) => !old.has(pid))
  // HAProxy's master starts the new worker only when the configuration was good
  if (kind === 'haproxy') return fresh.length > 0
  return fresh.length > 0 && fresh.length === workers.length
}

function ended(program: Program): Fault {
  return new Fault('device-refused', `${program.name} does not run (any more).`, { program: program.name })
}

async function askToReload({ root, host }: Controls, { name, reload }: Program): Promise<void> {
  if (!reload) throw new Fault('device-refused', `${name} cannot be told to reload.`, { program: name })
  if (reload.by === 'master') return reloadByMaster(host, reload.socket)
  const ran =
    reload.by === 'command'
      ? await root.run(reload.argv, { timeoutMs: controlMs })
      : // as the login: a rule of sudo that lets it run a shell would give root away
        await signalByPidFile(host, reload.signal, reload.pidFile)
  if (ran.code !== 0)
    throw refused(name, reload.by === 'command' ? reload.argv : ['kill', reload.signal], ran)
}

/** one attempt at a start; the process id of a program that just ended can linger, and a start then does nothing */
const startMs = 3_000

/** Starts a program that ended. Fault device-refused. */
export async function startProgram(controls: Controls, program: Program): Promise<void> {
  const { root, clock } = controls
  if (!program.start) throw ended(program)
  for (const end = clock.ticks() + 2 * proofMs; clock.ticks() < end;) {
    const ran = await root.run(program.start, { timeoutMs: controlMs })
    if (ran.code !== 0) throw refused(program.name, program.start, ran)
    for (const soon = clock.ticks() + startMs; clock.ticks() < soon; await sleep(clock, proofEveryMs)) {
      if (((await lookFor(controls, program))?.workers.length ?? 0) > 0) return
    }
  }
  throw ended(program)
}

function refused(name: string, argv: readonly string[], ran: Ran): Fault {
  return new Fault(
    'device-refused',
    `${name}: ${shown(argv)} ended with ${ran.code ?? ran.signal}: ${saidBy(ran)}.`,
    {
      program: name
    }
  )
}
