import { Fault } from '../../../core/fault.ts'
import type { ListText, PaceRequest, ProbeRequest, ScanRequest } from '../../functions.ts'
import { readFound } from '../found.ts'
import { readText } from '../options.ts'
import type { PaceOptions, ScanOptions } from './options.ts'

/** What the person asks for, with the files that they name read. */
export async function scanRequest(targets: readonly string[], options: ScanOptions): Promise<ScanRequest> {
  const named = [...targets, ...(options.host ?? [])]
  const { from, list = [] } = options
  const found = from === undefined ? [] : await readFound(from, list)
  const lists = from === undefined ? list.map((file) => listOf('--list', file)) : []
  if (named.length === 0 && list.length === 0) {
    throw new Fault(
      'target-none',
      'No target is named. Write addresses, networks or host names, or --list FILE.'
    )
  }
  return {
    targets: [{ source: 'arguments', text: named.join('\n') }, ...lists],
    found,
    excluded: [
      { source: '--exclude', text: (options.exclude ?? []).join('\n') },
      ...(options.excludeFile ?? []).map((file) => listOf('--exclude-file', file))
    ],
    doNotScan: (options.doNotScan ?? []).map((file) => listOf('--do-not-scan', file)),
    ports: options.ports ?? null,
    names: namesOf(options),
    ptr: options.ptr === true,
    pace: paceOf(options),
    probe: probeOf(options),
    workers: options.workers,
    maxTargets: options.maxTargets,
    owner: options.owner ?? null,
    tags: options.tag ?? []
  }
}

function listOf(option: string, file: string): ListText {
  return { source: file === '-' ? 'standard input' : file, text: readText(option, file) }
}

function namesOf({ names, sni = [] }: ScanOptions): readonly ListText[] {
  return [
    { source: '--sni', text: sni.join('\n') },
    ...(names === undefined ? [] : [listOf('--names', names)])
  ]
}

/** The limits of pace among the options. */
export function paceOf(options: PaceOptions): PaceRequest {
  const { rate, hostRate, subnetRate, concurrency, perHost, perSubnet, window } = options
  return given({ rate, hostRate, subnetRate, concurrency, perHost, perSubnet, window })
}

function probeOf({ starttls, twin, timeout, retries }: ScanOptions): ProbeRequest {
  return given({ twin, starttls, timeoutMs: timeout, retries })
}

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

/** The fields that have a value. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>
}
