import { opensslRows } from './openssl.ts'
import type { Peer } from './peer.ts'
import type { PeerRow } from './row.ts'
import { serviceRows } from './services.ts'
import { startTlsRows } from './starttls.ts'
import { type Testbed, createTestbed } from './testbed.ts'
import { tlsRows } from './tls-rows.ts'
import { alertTraps } from './traps/alerts.ts'
import { brokenTraps } from './traps/broken.ts'
import { cutTraps } from './traps/cut.ts'
import { floodTraps } from './traps/flood.ts'
import { framingTraps } from './traps/framing.ts'
import { oldTraps } from './traps/old.ts'
import { plainTraps } from './traps/plain.ts'
import { startTlsTraps } from './traps/refusals.ts'
import { stallTraps } from './traps/stall.ts'

/**
 * Every peer there is. Nothing runs until a row is started, each start is a server of its own on a free port,
 * except that the ports of one Debian service share it while any of them is in use: start those together.
 */
export function peerRows(bed: Testbed = createTestbed()): readonly PeerRow[] {
  return [...tlsRows(bed), ...startTlsRows(bed), ...trapRows(bed), ...opensslRows(bed), ...serviceRows(bed)]
}

/** The hand-made servers that do what ordinary ones do not. */
export function trapRows(bed: Testbed): readonly PeerRow[] {
  return [
    ...oldTraps(bed),
    ...framingTraps(bed),
    ...alertTraps(bed),
    ...stallTraps(bed),
    ...cutTraps(bed),
    ...floodTraps(bed),
    ...brokenTraps(bed),
    ...plainTraps(),
    ...startTlsTraps(bed)
  ]
}

/** Rows that run, in the order given, and the end of them all. */
export interface StartedPeers {
  readonly running: readonly { readonly row: PeerRow; readonly peer: Peer }[]
  readonly close: () => Promise<void>
}

/** Starts rows at once; when one of them fails, it ends the others and throws. */
export async function startPeers(rows: readonly PeerRow[]): Promise<StartedPeers> {
  const starts = await Promise.allSettled(rows.map(async (row) => ({ row, peer: await row.start() })))
  const running = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const close = async () => {
    await Promise.all(running.map(({ peer }) => peer.close()))
  }
  for (const one of starts) {
    if (one.status === 'fulfilled') continue
    await close()
    throw one.reason
  }
  return { running, close }
}
