import { join } from 'node:path'
import { openCertificates } from './certificates.ts'
import { openChains } from './chains.ts'
import type { Connection } from './connection.ts'
import { databaseName, openDatabase } from './database.ts'
import { openDeployments } from './deployments.ts'
import { openDevices } from './devices.ts'
import { durably } from './durable.ts'
import { openEndpointPages } from './endpoint-pages.ts'
import { openEndpoints } from './endpoints.ts'
import { openEngineTurn, type EnginePlace } from './engine-turn.ts'
import { openEventHistory } from './event-history.ts'
import { openEvents } from './events.ts'
import { guarded, storeFault } from './faults.ts'
import { openFindings } from './findings.ts'
import { openHistory } from './history.ts'
import { openIssuance } from './issuance.ts'
import { openIssuers } from './issuers.ts'
import { openJournal } from './journal.ts'
import { openKeys } from './keys.ts'
import { openLooks } from './looks.ts'
import { openManagedTargets } from './managed-targets.ts'
import { openOrders } from './orders.ts'
import { openOwnership } from './ownership.ts'
import { openProfiles } from './profiles.ts'
import { openRenewalWindows } from './renewal-windows.ts'
import { openScans } from './scans.ts'
import { openRetention } from './retention.ts'
import { checkRights } from './rights.ts'
import { openSchedules } from './schedules.ts'
import { openSealed } from './sealed.ts'
import { openSettings } from './settings.ts'
import { openStates } from './states.ts'
import { openSummary } from './summary.ts'

/** Where the store is, and how patient it is. */
export interface StoreOptions {
  readonly directory: string
  /** how long to wait for another process that writes, milliseconds */
  readonly busyMs: number
  /** what this process calls itself for others that find it at work, `tlsward run` */
  readonly command?: string
}

/** The inventory on disk: one object per aggregate, every function synchronous. */
export type Store = ReturnType<typeof openStore>

/**
 * Opens the store in a directory, which is made when it is missing. Everything that its functions throw is a
 * Fault: state-unwritable, store-foreign, store-newer, store-corrupt, store-locked, store-full, and what each
 * function names.
 */
export function openStore({ directory, busyMs, command = 'tlsward' }: StoreOptions) {
  const path = join(directory, databaseName)
  const translate = (thrown: unknown) => storeFault(thrown, path)
  return guarded(
    { open: () => assemble(openDatabase(directory, busyMs), { directory, command }, translate) },
    translate
  ).open()
}

/**
 * Refuses a state directory that this account must not use, or in which one of `files` belongs to another. Faults:
 * state-unsafe, state-foreign, state-unwritable.
 */
export function checkState(directory: string, files: readonly string[]): void {
  const translate = (thrown: unknown) => storeFault(thrown, directory)
  guarded({ check: () => checkRights(directory, files) }, translate).check()
}

function assemble(db: Connection, place: EnginePlace, translate: (thrown: unknown) => unknown) {
  const certificates = openCertificates(db)
  const chains = openChains(db)
  const states = openStates(db)
  const scans = openScans(db, place.directory)
  const engineTurn = openEngineTurn(db, place)
  const forget = () => {
    for (const one of [certificates, chains, states]) one.forget()
  }
  const whole = {
    /**
     * Does the work in one transaction: all of it is stored, or nothing when it throws. Ids that were
     * remembered meanwhile are forgotten with what they stood for.
     */
    transaction<T>(work: () => T): T {
      try {
        return db.transaction(work).immediate()
      } catch (thrown) {
        forget()
        throw thrown
      }
    },
    /**
     * The same, and on the disk before it returns: a power cut keeps it. For what rests on it being known (the
     * journal of a device that was changed, an order that was paid), at a flush of the disk each. SQLite syncs the
     * whole log, so that everything before it is safe too. It cannot be part of another transaction.
     */
    durable<T>(work: () => T): T {
      if (db.inTransaction) throw new Error('durable within a transaction: the outer one decides')
      try {
        return durably(db, work)
      } catch (thrown) {
        forget()
        throw thrown
      }
    },
    /** forgets what is remembered by id, when rows were removed */
    forget,
    close(): void {
      scans.releaseAll()
      engineTurn.release()
      db.close()
    }
  }
  return {
    ...guarded(whole, translate),
    certificates: guarded(certificates, translate),
    chains: guarded(chains, translate),
    states: guarded(states, translate),
    endpoints: guarded(openEndpoints(db), translate),
    pages: guarded(openEndpointPages(db), translate),
    history: guarded(openHistory(db), translate),
    findings: guarded(openFindings(db), translate),
    looks: guarded(openLooks(db), translate),
    ownership: guarded(openOwnership(db), translate),
    keys: guarded(openKeys(db), translate),
    summary: guarded(openSummary(db), translate),
    scans: guarded(scans, translate),
    schedules: guarded(openSchedules(db), translate),
    settings: guarded(openSettings(db), translate),
    sealed: guarded(openSealed(db), translate),
    retention: guarded(openRetention(db), translate),
    ...automation(db, translate),
    engineTurn: guarded(engineTurn, translate)
  }
}

function automation(db: Connection, translate: (thrown: unknown) => unknown) {
  return {
    devices: guarded(openDevices(db), translate),
    issuers: guarded(openIssuers(db), translate),
    issuance: guarded(openIssuance(db), translate),
    profiles: guarded(openProfiles(db), translate),
    managedTargets: guarded(openManagedTargets(db), translate),
    events: guarded(openEvents(db), translate),
    deployments: guarded(openDeployments(db), translate),
    orders: guarded(openOrders(db), translate),
    journal: guarded(openJournal(db), translate),
    eventHistory: guarded(openEventHistory(db), translate),
    renewalWindows: guarded(openRenewalWindows(db), translate)
  }
}
