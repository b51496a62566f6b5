// npm run verify:device: holds a device to the contract of connectors; docs/verify-device.md says how.
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { Pin } from '../../connectors/contract.ts'
import { identified, readDevice, targetOf, unaccepted, type Target } from './device.ts'
import { createAuthorities, openWatch, type Trial } from './device-world.ts'
import { type Given, Misused, readGiven, usage } from './given.ts'
import { looksAt, type Looks } from './looks.ts'
import { whyOf } from './proof.ts'
import { Redaction } from './redaction.ts'
import { headLines, isFine, jsonReport, lastLines, resultLines, type Found } from './report.ts'
import { type CaseResult, runTrial, type Watch } from './trial.ts'

/** no more cases are begun; what is under way ends, and is undone */
function listenToSignals(note: (text: string) => void): () => boolean {
  let stopped = false
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      note(stopped ? 'It still puts the device back.' : 'Stopping, once this case is undone.')
      stopped = true
    })
  }
  return () => stopped
}

/** Shows what a person must accept first. */
function pinLines(pins: readonly Pin[]): string[] {
  const all = pins.map(({ fingerprint }) => fingerprint).join(',')
  return [
    'The device shows, and nobody has accepted:',
    ...pins.map(({ what, fingerprint }) => `  ${visible(what)}  ${visible(fingerprint)}`),
    `Compare it with the device itself, then set TLSWARD_DEVICE_PINS=${visible(all, 2_000)}, or give --accept-pins.`
  ]
}

const unseen: Looks = { all: [], notes: [] }

async function tried(given: Given, pins: readonly Pin[], redaction: Redaction): Promise<Found> {
  const isTable = given.output === 'table'
  // what is not the report goes where it does not disturb it
  const say = (lines: readonly string[]) =>
    lines.forEach((line) => (isTable ? console.log : console.error)(line))
  const device = await readDevice(given, pins)
  redaction.learn(device.bindings)
  const target: Target | undefined = targetOf(device, given.target)
  const looks = target ? await looksAt(target) : unseen
  say(headLines({ given, device, target, looks }, redaction))
  if (!target) return { given, device, target, looks, results: [], end: 'untouched' }
  const results: CaseResult[] = []
  const isStopped = listenToSignals((text) => console.error(text))
  const watch = openWatch({ device, looks })
  const heard = (result: CaseResult) => {
    results.push(result)
    say(resultLines(result, redaction))
  }
  const end = await endOf({ given, device, target, looks, watch }, { isStopped, heard })
  const isUntouched = given.halves === 'read-only' && end === 'as-before'
  return { given, device, target, looks, results, end: isUntouched ? 'untouched' : end }
}

async function endOf(
  parts: Omit<Trial, 'authorities' | 'before'>,
  watch: Watch
): Promise<'as-before' | 'changed'> {
  try {
    const before = await parts.watch.state()
    return await runTrial({ ...parts, authorities: createAuthorities(), before }, watch)
  } finally {
    await parts.watch.close()
  }
}

async function main(): Promise<number> {
  let redaction: Redaction | undefined
  try {
    const given = readGiven(process.argv.slice(2), process.env)
    if (!given) {
      console.log(usage)
      return 0
    }
    redaction = new Redaction(given)
    const shown = await identified(given)
    if (unaccepted(given, shown).length > 0) {
      for (const line of pinLines(shown)) console.error(line)
      return 1
    }
    const found = await tried(given, shown, redaction)
    if (given.output === 'json') console.log(jsonReport(found, redaction, Date.now()))
    else for (const line of lastLines(found, redaction)) console.log(line)
    return isFine(found) ? 0 : 1
  } catch (thrown) {
    if (!(thrown instanceof Misused) && !(thrown instanceof Fault)) throw thrown
    console.error(`verify:device: ${redaction?.shown(whyOf(thrown)) ?? whyOf(thrown)}`)
    return 1
  }
}

process.exitCode = await main()
