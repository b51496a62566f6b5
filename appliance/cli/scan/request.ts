import type { ListText, PaceRequest, ProbeRequest, ScanRequest } from '../../functions.ts'
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
    doNotScan: (options.doNotScan ?? []).map((file) => listOf('--do-not-scan', file)),
    ports: portsOf(options),
    names: namesOf(options),
    ptr: options.ptr === true,
    certificateNames: options.certificateNames === true,
    maxNames: options.maxNames,
    pace: paceOf(options),
    probe: probeOf(options),
    looks: {
      deep: options.deep === true,
      ssh: options.ssh === true,
      revocation: options.revocation === true
    },
    workers: options.workers,
    maxTargets: options.maxTargets,
    owner: options.owner ?? null,
    tags: options.tag ?? []
  }
}

function namesOf({ names, sni = [] }: ScanOptions): readonly ListText[] {
  return [{ source: null, text: sni.join('\n') }, ...(names === undefined ? [] : [listOf('--names', names)])]
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
