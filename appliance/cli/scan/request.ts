import { resolve } from 'node:path'
import { Fault } from '../../../core/fault.ts'
import type { ListText, Looks, PaceRequest, ProbeRequest, ScanRequest } from '../../functions.ts'
import { given } from '../given.ts'
import { listOf } from '../files.ts'
import type { PaceOptions, ScanOptions } from '../commands/scan-options.ts'
import { namedTargets } from './targets.ts'

/**
 * What the person asks for, with the files that they name read. `say` hears what is waited for. Throws what
 * {@link namedTargets} throws.
 */
export async function scanRequest(
  words: readonly string[],
  options: ScanOptions,
  say: (note: string) => void
): Promise<ScanRequest> {
  return {
    ...(await namedTargets(words, options, say)),
    excluded: [
      { source: null, text: (options.exclude ?? []).join('\n') },
      ...(options.excludeFile ?? []).map((file) => listOf('--exclude-file', file))
    ],
    doNotScan: (options.doNotScan ?? []).map((file) => standingListOf('--do-not-scan', file)),
    ports: portsOf(options),
    names: namesOf(options),
    ptr: options.ptr === true,
    certificateNames: options.certificateNames === true,
    maxNames: options.maxNames,
    pace: paceOf(options),
    probe: probeOf(options),
    looks: looksOf(options),
    workers: options.workers,
    maxTargets: options.maxTargets,
    owner: options.owner ?? null,
    tags: options.tag ?? []
  }
}

/** A list that may change while the scan is made, and until it is resumed. */
function standingListOf(option: string, file: string): ListText {
  const list = listOf(option, file)
  return file === '-' ? list : { ...list, file: resolve(file) }
}

function namesOf({ names, sni = [] }: ScanOptions): readonly ListText[] {
  return [{ source: null, text: sni.join('\n') }, ...(names === undefined ? [] : [listOf('--names', names)])]
}

/** The closer looks among the options. CSV has columns for endpoints only. */
function looksOf({ deep = false, ssh = false, revocation = false, csv }: ScanOptions): Looks {
  const looks = { deep, ssh, revocation }
  const wanted = Object.entries(looks).flatMap(([look, is]) => (is ? [`--${look}`] : []))
  if (csv !== true || wanted.length === 0) return looks
  throw new Fault(
    'option-malformed',
    `--csv has no columns for what ${wanted.join(' and ')} shows: write --json, or leave --csv out.`,
    { field: '--csv' }
  )
}

/** Ports by both names of the option. */
export function portsOf({ ports, port }: Pick<ScanOptions, 'ports' | 'port'>): string | null {
  return [ports, port].filter((text) => text !== undefined).join(',') || null
}

/** The limits of pace among the options. */
export function paceOf(options: PaceOptions): PaceRequest {
  const { rate, hostRate, subnetRate, concurrency, perHost, perSubnet, window } = options
  return given({ rate, hostRate, subnetRate, concurrency, perHost, perSubnet, window })
}

function probeOf({ starttls, twin, timeout, retries }: ScanOptions): ProbeRequest {
  return given({ twin, starttls, timeoutMs: timeout, retries })
}
