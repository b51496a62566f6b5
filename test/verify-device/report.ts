import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import { jsonLine, visible } from '../../core/text.ts'
import type { Device, Target } from './device.ts'
import type { Given } from './given.ts'
import type { Looks } from './looks.ts'
import type { Redaction } from './redaction.ts'
import type { CaseResult } from './trial.ts'

/** What a trial found, as it is sent to us. */
export interface Found {
  readonly given: Given
  readonly device: Device
  readonly target: Target | undefined
  readonly looks: Looks
  readonly results: readonly CaseResult[]
  readonly end: 'as-before' | 'changed' | 'untouched'
}

const { version: tlsward } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
) as { readonly version: string }

/** Does everything that was tried hold? */
export function isFine({ results, end }: Pick<Found, 'results' | 'end'>): boolean {
  return end !== 'changed' && results.some(({ outcome }) => outcome === 'ok') && !countOf(results).failed
}

function countOf(results: readonly CaseResult[]) {
  const count = (wanted: CaseResult['outcome']) => results.filter(({ outcome }) => outcome === wanted).length
  return { ok: count('ok'), failed: count('failed'), skipped: count('skipped') }
}

/** The report as one JSON document. */
export function jsonReport(found: Found, redaction: Redaction, at: number): string {
  const { given, device, target, looks, results, end } = found
  const { product, version, role, rights, notes } = device.check
  const text = (value: string) => redaction.shown(value)
  const record = {
    type: 'device-report',
    schema: 1,
    at: new Date(at).toISOString(),
    tlsward,
    node: process.version,
    connector: given.connector.id,
    product: text(product),
    version,
    role,
    rights: rights.map(({ what, granted, remedy }) => ({
      what: text(what),
      granted,
      remedy: remedy === null ? null : text(remedy)
    })),
    notes: notes.map(text),
    targets: device.bindings.length,
    unmanaged: countBy(device.bindings.flatMap(({ unmanaged }) => unmanaged?.code ?? [])),
    target: target ? text(target.binding.target) : null,
    families: target?.families ?? [],
    handshakes: { places: looks.all.length, notes: looks.notes.map(text) },
    halves: given.halves,
    cases: results.map((one) => ({ ...one, why: one.why === null ? null : text(one.why) })),
    counts: countOf(results),
    end,
    fine: isFine(found)
  }
  return jsonLine(record)
}

function countBy(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

const tones = { ok: 'green', failed: 'red' } as const

/** One result as a line for a terminal, and a line below it that says why; what is skipped is told at the end. */
export function resultLines({ outcome, seconds, what, why }: CaseResult, redaction: Redaction): string[] {
  if (outcome === 'skipped') return []
  const time = `${seconds.toFixed(1)} s`
  const first = `${styleText(tones[outcome], outcome.padEnd(8))}${time.padStart(8)}  ${what}`
  return why === null ? [first] : [first, `${' '.repeat(18)}${styleText('dim', redaction.shown(why))}`]
}

/** Cases that were skipped for the same reason, together. */
function skippedLines(results: readonly CaseResult[], redaction: Redaction): string[] {
  const skipped = results.filter(({ outcome }) => outcome === 'skipped')
  return [...Map.groupBy(skipped, ({ why }) => why ?? '')].flatMap(([why, cases]) => [
    `${styleText('yellow', 'skipped')}           ${redaction.shown(why)}:`,
    ...cases.map(({ what }) => `${' '.repeat(18)}${styleText('dim', what)}`)
  ])
}

/** What the device is, before the first case. */
export function headLines(
  { given, device, target, looks }: Omit<Found, 'results' | 'end'>,
  redaction: Redaction
): string[] {
  const { product, version, role, rights, notes } = device.check
  const text = (value: string) => redaction.shown(value)
  const missing = rights.filter(({ granted }) => !granted)
  return [
    `Tlsward ${tlsward}, connector ${given.connector.id}: ${text(product)} ${visible(version)} (${role})`,
    `rights    ${rights.length - missing.length} of ${rights.length} granted`,
    ...missing.map(
      ({ what, remedy }) => `          ${text(what)} is missing: ${text(remedy ?? 'no remedy is known')}`
    ),
    ...notes.map((note) => `note      ${text(note)}`),
    `holds     ${device.bindings.length} targets, ${device.bindings.filter(({ unmanaged }) => unmanaged !== null).length} of which must not be changed`,
    target
      ? `target    ${text(target.binding.target)}, ${target.families.join(' and ')}, seen by ${looks.all.length} handshakes`
      : 'target    none that may be changed',
    ...(target?.binding.slots ?? []).map(
      ({ family, object, fingerprint }) =>
        `          ${family} now: ${text(object)} (SHA-256 ${fingerprint.slice(0, 16)}…)`
    ),
    ...looks.notes.map((note) => `          ${text(note)}`),
    ''
  ]
}

/** What came of it all. */
export function lastLines(found: Found, redaction: Redaction): string[] {
  const { ok, failed, skipped } = countOf(found.results)
  const ends = {
    'as-before': 'The device is as it was before.',
    untouched: 'Nothing was written to the device.',
    changed:
      'THE DEVICE IS NOT AS IT WAS BEFORE: the case above says what differs. Put the certificate of the target back by hand.'
  }
  const failures = found.results.filter(({ outcome }) => outcome === 'failed')
  return [
    '',
    ...skippedLines(found.results, redaction),
    '',
    ...failures.map(({ what, why }) => `failed: ${what}: ${redaction.shown(why ?? '')}`),
    ends[found.end],
    `verify:device: ${ok} ok, ${failed} failed, ${skipped} skipped`
  ]
}
