import { join } from 'node:path'
import { openCertificates } from './certificates.ts'
import { openChains } from './chains.ts'
import type { Connection } from './connection.ts'
import { databaseName, openDatabase } from './database.ts'
import { openEndpointPages } from './endpoint-pages.ts'
import { openEndpoints } from './endpoints.ts'
import { guarded, storeFault } from './faults.ts'
import { openFindings } from './findings.ts'
import { openHistory } from './history.ts'
import { openKeys } from './keys.ts'
import { openLooks } from './looks.ts'
import { openOwnership } from './ownership.ts'
import { openScans } from './scans.ts'
import { openSchedules } from './schedules.ts'
import { openSettings } from './settings.ts'
import { openStates } from './states.ts'
import { openSummary } from './summary.ts'

/** Where the store is, and how patient it is. */
export interface StoreOptions {
  readonly directory: string
  /** how long to wait for another process that writes, milliseconds */
  readonly busyMs: number
}

/** The inventory on disk: one object per aggregate, every function synchronous. */
export type Store = ReturnType<typeof openStore>

/**
 * Opens the store in a directory, which is made when it is missing. Everything that its functions throw is a
 * Fault: state-unwritable, store-foreign, store-newer, store-corrupt, store-locked, store-full, and what each
 * function names.
 */
export function openStore({ directory, busyMs }: StoreOptions) {
  const path = join(directory, databaseName)
  const translate = (thrown: unknown) => storeFault(thrown, path)
  return guarded(
    { open: () => assemble(openDatabase(directory, busyMs), directory, translate) },
    translate
  ).open()
}

function assemble(db: Connection, directory: string, translate: (thrown: unknown) => unknown) {
  const certificates = openCertificates(db)
  const chains = openChains(db)
  const states = openStates(db)
  const scans = openScans(db, directory)
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
    close(): void {
      scans.releaseAll()
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
    settings: guarded(openSettings(db), translate)
  }
}
