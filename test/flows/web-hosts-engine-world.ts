import { join } from 'node:path'
import type { Test } from 'tap'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { purchases } from '../peers/file-ca.ts'
import { type ProgramName, type TestHostOptions } from '../peers/hosts/host.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { drive, isOver } from './engine-world.ts'
import {
  makeHostedSite,
  openHostedSite,
  requestRenewal,
  type SiteWish,
  startEngineHost
} from './hosted-engine-world.ts'

/** What is special about a host and its engine. */
export interface WorldWish extends SiteWish {
  readonly program?: ProgramName
  readonly host?: Omit<TestHostOptions, 'programs'>
  readonly change?: Partial<EngineDeps>
}

/** An engine and a host, and what happens at a moment of a replacement. */
export async function engineAndHost(
  t: Test,
  { program = 'nginx', host = {}, change = {}, ...wish }: WorldWish
) {
  const at = await startEngineHost(program, host)
  t.teardown(() => at.stop())
  await at.reset()
  const site = await makeHostedSite(directoryFor(t), at, wish)
  const happens = new Map<string, () => void>()
  const open = openHostedSite(
    site,
    (moment) => {
      happens.get(moment)?.()
      happens.delete(moment)
    },
    change
  )
  t.teardown(() => open.close())
  const { store } = open
  return {
    ...open,
    at,
    happens,
    bought: () => purchases(join(site.root, 'ca')).length,
    request: () => requestRenewal(open, at),
    /** lets the engine work until the event is over, or waits, or has come to a state */
    async until(event: EventRow, state = '', most = 60): Promise<EventRow> {
      const now = () => store.events.get(event.id)
      await drive(open, () => isOver(now()) || now().state === state, { most })
      return now()
    },
    history: (event: EventRow) => store.eventHistory.of(event.id).map(({ state, why }) => `${state}: ${why}`)
  }
}

export type World = Awaited<ReturnType<typeof engineAndHost>>
