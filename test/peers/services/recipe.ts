import type { StartTls } from '../../../sensor/scan/observation.ts'
import type { Command } from '../process.ts'

/** What a port of a service is for, and what a probe meets there. */
export interface ServicePort {
  /** name of the port within the service */
  readonly what: string
  readonly starttls?: StartTls
  /** server name without which it does not answer */
  readonly serverName?: string
  /** default: the service's certificate */
  readonly meets?: 'both certificates' | 'a demand for a name' | 'no TLS'
}

/** Where a service is set up. */
export interface Site {
  /** a folder of its own, which the service's user may enter */
  readonly folder: string
  readonly host: string
  /** files: chain with the leaf first, key, both together; and of the second certificate */
  readonly certificate: string
  readonly key: string
  readonly bundle: string
  readonly twinCertificate: string
  readonly twinKey: string
  readonly port: (what: string) => number
  /** writes a file into the folder; gives its path */
  readonly write: (name: string, text: string) => string
  /** makes a folder in the folder; gives its path */
  readonly makeFolder: (name: string) => string
  /** runs a program to its end */
  readonly run: (program: string, ...args: readonly string[]) => Promise<void>
}

/** How a service of Debian is set up and started in the foreground. */
export interface Recipe {
  readonly programs: readonly string[]
  /** the account that it runs as, and that must own its files */
  readonly user: string | null
  readonly ports: readonly ServicePort[]
  configure(site: Site): Promise<Command> | Command
}

/** Runs as another user, keeping no group of root's. */
export function asUser(user: string, program: string, args: readonly string[]): Command {
  return { program: 'setpriv', args: ['--reuid', user, '--regid', user, '--init-groups', program, ...args] }
}
