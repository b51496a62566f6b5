import { parseHours } from '../../core/hours.ts'
import type { PaceLimits } from '../../sensor/scan/gate.ts'
import { sweepOptions, type SweepWishes } from '../../sensor/scan/defaults.ts'
import { formatPorts, type Ports } from '../../sensor/scan/targets/ports.ts'
import type { PaceRequest, ProbeRequest, ScanRequest } from '../functions.ts'
import { checkedOwner, checkedTag } from './labels.ts'
import type { PreparedSpace } from './space.ts'
import type { StoredRequest } from './request.ts'

/** The request as it is kept. Throws `window-malformed`. */
export function storedOf(request: ScanRequest, { sizes, ports }: PreparedSpace): StoredRequest {
  const { pace, probe, names, ptr, certificateNames, maxNames } = request
  const asksForNames = ptr || certificateNames || names.some(({ text }) => text.trim() !== '')
  const options = sweepOptions(wishesOf(pace, probe))
  const { concurrency, subnetConcurrency } = options.pace
  return {
    scope: scopeOf(request, ports),
    size: sizes.pairs,
    options,
    // each thread makes one connection at least
    workers: Math.min(request.workers, concurrency, subnetConcurrency),
    dialer: 'auto',
    hours: pace.window === undefined ? null : parseHours(pace.window),
    naming: asksForNames ? { lists: names, ptr, certificates: certificateNames, limit: maxNames } : null,
    guessed: false,
    looks: request.looks,
    excluded: request.excluded,
    doNotScan: request.doNotScan,
    owner: request.owner === null ? null : checkedOwner(request.owner),
    tags: request.tags.map(checkedTag)
  }
}

/** What was asked for, in the words of the command line. */
function scopeOf({ targets, found, ports: asked }: ScanRequest, ports: Ports): string {
  const named = targets.flatMap(({ source, text }) => {
    const words = text.split(/\s+/).filter((word) => word !== '')
    if (source !== null) return [source]
    return words.length > 6 ? [...words.slice(0, 5), `and ${words.length - 5} more`] : words
  })
  const handed = found.length > 0 ? [`${found.length} places handed over`] : []
  return `${[...named, ...handed].join(' ')}, ${portsText(asked, ports)}`
}

function portsText(asked: string | null, ports: Ports): string {
  if (asked === null || asked.trim() === 'default') return 'default ports'
  const text = formatPorts(ports)
  return `ports ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`
}

function wishesOf(pace: PaceRequest, probe: ProbeRequest): SweepWishes {
  const { starttls, twin, retries, timeoutMs } = probe
  return {
    ...(starttls === undefined ? {} : { starttls }),
    ...(twin === undefined ? {} : { twin }),
    ...(retries === undefined ? {} : { repeats: retries }),
    ...(timeoutMs === undefined ? {} : { answerMs: timeoutMs, connect: connectBounds(timeoutMs) }),
    pace: limitsOf(pace)
  }
}

/** The wait for a connection adapts to the round trips seen, but never beyond the time-out asked for. */
function connectBounds(timeoutMs: number): SweepWishes['connect'] & {} {
  return { floorMs: Math.min(500, timeoutMs), ceilingMs: timeoutMs }
}

function limitsOf({
  rate,
  hostRate,
  subnetRate,
  concurrency,
  perHost,
  perSubnet
}: PaceRequest): Partial<PaceLimits> {
  return {
    ...(rate === undefined ? {} : { rate }),
    ...(hostRate === undefined ? {} : { hostRate }),
    ...(subnetRate === undefined ? {} : { subnetRate }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(perHost === undefined ? {} : { hostConcurrency: perHost }),
    ...(perSubnet === undefined ? {} : { subnetConcurrency: perSubnet })
  }
}
