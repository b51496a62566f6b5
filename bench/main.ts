// npm run bench: our scan beside what others do in the same work, on this machine, in turn.
//   npm run bench -- [--quick | --full] [--rounds N] [--endpoints N] [--json] [SECTION...]
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Bench, Report, Scale, Section } from './context.ts'
import { makeMaterial, type Material } from './material.ts'
import { compile } from './native.ts'
import { processors } from './process.ts'
import { memory } from './sections/memory.ts'
import { peers } from './sections/peers.ts'
import { replace } from './sections/replace.ts'
import { store } from './sections/store.ts'
import { sweep } from './sections/sweep.ts'
import { tls12Close, tls12Keep, tls13, unique } from './sections/tls.ts'
import { workers } from './sections/workers.ts'
import { markdown, type Goal } from './table.ts'

const sections: readonly Section[] = [
  tls12Close,
  tls12Keep,
  tls13,
  unique,
  workers,
  sweep,
  store,
  memory,
  peers,
  replace
]

const usual: Scale = {
  rounds: 5,
  sweepRounds: 2,
  sweepPorts: [443, 8443, 993],
  endpoints: 30_000,
  memorySeconds: 45,
  rows: 1_000_000,
  hosts: 2
}
const quick: Scale = {
  rounds: 2,
  sweepRounds: 1,
  sweepPorts: [443],
  endpoints: 10_000,
  memorySeconds: 8,
  rows: 100_000,
  hosts: 1
}
const full: Scale = { ...usual, rounds: 7, sweepRounds: 5, memorySeconds: null, hosts: 20 }

interface Wishes {
  readonly chosen: readonly Section[]
  readonly scale: Scale
  readonly json: boolean
}

function readWishes(): Wishes {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      endpoints: { type: 'string' },
      json: { type: 'boolean', default: false }
    }
  })
  const names = sections.map(({ name }) => name)
  const unknown = positionals.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`no section is named ${unknown}; there are ${names.join(', ')}`)
  const rounds = wholeNumber('--rounds', values.rounds)
  const endpoints = wholeNumber('--endpoints', values.endpoints)
  const scale = values.full ? full : values.quick ? quick : usual
  return {
    chosen: positionals.length === 0 ? sections : sections.filter(({ name }) => positionals.includes(name)),
    scale: {
      ...scale,
      ...(rounds === undefined ? {} : { rounds, sweepRounds: rounds }),
      ...(endpoints === undefined ? {} : { endpoints })
    },
    json: values.json
  }
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value <= 1_000_000) return value
  throw new Error(`${option} is ${text}: write a whole number from 1 to 1000000`)
}

/** The machine, and how busy it was with other things when the bench began. */
function machine(): string {
  const [cpu] = cpus()
  const [load = 0] = loadavg()
  const memoryGb = Math.round(totalmem() / 2 ** 30)
  return `${processors().length} × ${cpu?.model ?? 'processor'}, ${memoryGb} GB, Linux ${release()}, Node ${process.version}, load average before ${load.toFixed(1)}`
}

interface Outcome {
  readonly section: Section
  readonly report: Report | { readonly failed: string }
}

async function runSections({ chosen, scale }: Wishes, signal: AbortSignal): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-bench-'))
  const outcomes: Outcome[] = []
  let material: Promise<Material> | undefined
  try {
    const native = await compile(folder, signal)
    for (const section of chosen) {
      if (signal.aborted) break
      const bench: Bench = {
        folder,
        signal,
        native,
        scale,
        material: () => (material ??= makeMaterial(folder, signal)),
        progress: (text) => console.error(`${section.name}: ${text}`)
      }
      outcomes.push({
        section,
        report: await section.run(bench).catch((error: unknown) => asFailure(error, signal))
      })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return outcomes
}

function asFailure(error: unknown, signal: AbortSignal): { failed: string } {
  if (signal.aborted) return { failed: 'stopped' }
  return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

function print(outcomes: readonly Outcome[], where: string): void {
  console.log(`${new Date().toISOString().slice(0, 10)}, ${where}\n`)
  for (const { section, report } of outcomes) {
    if ('failed' in report) console.log(`## ${section.name}\n\nfailed: ${report.failed}\n`)
    else if ('skipped' in report) console.log(`## ${section.name}\n\nskipped: ${report.skipped}\n`)
    else {
      for (const { title, cells, notes } of report.tables) {
        console.log(
          [`## ${title}\n`, markdown(cells), ...(notes.length > 0 ? [`\n${notes.join('\n')}`] : []), ''].join(
            '\n'
          )
        )
      }
    }
  }
  const goals = outcomes.flatMap(({ report }) => ('goals' in report ? report.goals : []))
  if (goals.length > 0) console.log(`## Goals\n\n${markdown(goalCells(goals))}`)
}

function goalCells(goals: readonly Goal[]): string[][] {
  const body = goals.map(({ work, goal, measured, met }) => [work, goal, measured, met ? 'met' : 'missed'])
  return [['work', 'goal', 'measured', ''], ...body]
}

async function main(): Promise<void> {
  let wishes
  try {
    wishes = readWishes()
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 2
    return
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const where = machine()
  const outcomes = await runSections(wishes, stop.signal)
  if (wishes.json) {
    const date = new Date().toISOString()
    const results = outcomes.map(({ section, report }) => ({ section: section.name, ...report }))
    console.log(JSON.stringify({ date, machine: where, scale: wishes.scale, results }, null, 2))
  } else print(outcomes, where)
  if (stop.signal.aborted || outcomes.some(({ report }) => 'failed' in report)) process.exitCode = 1
}

await main()
