import { resolve } from 'node:path'
import { Fault } from '../../../core/fault.ts'
import type { ListText, Looks, PaceRequest, ProbeRequest, ScanRequest } from '../../functions.ts'
import { readFound } from '../found.ts'
import { given } from '../given.ts'
import { readText } from '../files.ts'
import type { PaceOptions, ScanOptions } from '../commands/scan-options.ts'

/** What the person asks for, with the files that they name read. */
export async function scanRequest(targets: readonly string[], options: ScanOptions): Promise<ScanRequest> {
  const { from, host = [], list = [] } = options
  // with --from the arguments are files of that tool, as `--from nmap scan.xml` reads
  const named = from === undefined ? [...targets, ...host] : host
  const found = from === undefined ? [] : await readFound(from, [...targets, ...list])
  const lists = from === undefined ? list.map((file) => listOf('--list', file)) : []
  if (named.length + found.length + lists.length === 0) throw nothingNamed(from)
  return {
    targets: [{ source: null, text: named.join('\n') }, ...lists],
    found,
    excluded: [
      { source: null, text: (options.exclude ?? []).join('\n') },
      ...(options.excludeFile ?? []).map((file) => listOf('--exclude-file', file))
    ],
    doNotScan: (options.doNotScan ?? []).map((file) => standingListOf('--do-not-scan', file)),
    ports: options.ports ?? null,
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

function nothingNamed(from: string | undefined): Fault {
  const message =
    from === undefined
      ? 'No target is named. Write addresses, networks or host names, or --list FILE.'
      : `Nothing was handed over. Name a file in which ${from} found open ports.`
  return new Fault('target-none', message)
}

function listOf(option: string, file: string): ListText {
  return { source: file === '-' ? 'standard input' : file, text: readText(option, file) }
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

/** The limits of pace among the options. */
export function paceOf(options: PaceOptions): PaceRequest {
  const { rate, hostRate, subnetRate, concurrency, perHost, perSubnet, window } = options
  return given({ rate, hostRate, subnetRate, concurrency, perHost, perSubnet, window })
}

function probeOf({ starttls, twin, timeout, retries }: ScanOptions): ProbeRequest {
  return given({ twin, starttls, timeoutMs: timeout, retries })
}
