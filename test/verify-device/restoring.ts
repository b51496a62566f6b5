import { setTimeout as pause } from 'node:timers/promises'
import type { Access, BoundPlan, Connector, Journal, Session } from '../../connectors/contract.ts'
import { asFault, faultKinds } from '../../core/fault.ts'
import { journalOf, signal } from '../contract/deployment.ts'

/** A connector that remembers what was begun with it, so that it can be taken back whatever became of a case. */
export interface Restoring {
  readonly connector: Connector
  /** Undoes everything that was begun and not undone, the last first. Throws what the device answers. */
  restore(access: Access): Promise<void>
}

interface Begun {
  readonly plan: BoundPlan
  readonly journals: Journal[]
}

/** Wraps a connector. */
export function restoring(connector: Connector): Restoring {
  const begun = new Map<string, Begun>()
  const watch = {
    began(plan: BoundPlan, journal: Journal) {
      const key = JSON.stringify(plan)
      const known = begun.get(key)
      if (known) known.journals.push(journal)
      else begun.set(key, { plan, journals: [journal] })
    },
    undone: (plan: BoundPlan) => void begun.delete(JSON.stringify(plan))
  }
  return {
    connector: {
      ...connector,
      identify: (access, signal) => connector.identify(access, signal),
      connect: async (access, signal) => watched(await connector.connect(access, signal), watch)
    },
    async restore(access) {
      const all = [...begun.values()].toReversed()
      if (all.length === 0) return
      await patiently(async () => {
        const session = await connector.connect(access, signal)
        try {
          for (const { plan, journals } of all) {
            const finished = new Set(journals.flatMap((journal) => journal.finished))
            await session.rollback(plan, journalOf([...finished]), signal)
            watch.undone(plan)
          }
        } finally {
          await session.close()
        }
      })
    }
  }
}

interface Watch {
  began(plan: BoundPlan, journal: Journal): void
  undone(plan: BoundPlan): void
}

function watched(session: Session, watch: Watch): Session {
  return {
    check: (signal) => session.check(signal),
    role: (signal) => session.role(signal),
    discover: (signal) => session.discover(signal),
    plan: (order, signal) => session.plan(order, signal),
    verify: (plan, signal) => session.verify(plan, signal),
    cleanup: (plan, keep, journal, signal) => session.cleanup(plan, keep, journal, signal),
    isOpen: () => session.isOpen(),
    close: () => session.close(),
    async deploy(plan, bundle, journal, signal) {
      watch.began(plan, journal)
      await session.deploy(plan, bundle, journal, signal)
    },
    async rollback(plan, journal, signal) {
      await session.rollback(plan, journal, signal)
      watch.undone(plan)
    }
  }
}

const attempts = 4
const pauseMs = 5_000

/** tries again what a device or a network refuses for a moment only */
async function patiently(act: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await act()
      return
    } catch (thrown) {
      if (attempt === attempts || !faultKinds[asFault(thrown).kind].retry) throw thrown
      await pause(pauseMs)
    }
  }
}
