import type { Certificate } from '../certificates.ts'

/** The kinds of key that a site can have a certificate for. */
export type Family = 'rsa' | 'ecdsa'

/** A certificate for each kind of key. */
export type Pairs = Readonly<Partial<Record<Family, Certificate>>>

/** One server of a program: names, where it listens, and the pairs that it shows. */
export interface Site {
  /** names by which clients come; the first is the file name of its pairs unless `files` says otherwise */
  readonly names: readonly string[]
  /** sites of one listener share a port; the first of them is the default one */
  readonly listener: string
  readonly pairs: Pairs
  /** the stem of its files: sites with the same one share them */
  readonly files?: string
}

/** A site that is served. */
export interface ServedSite extends Site {
  readonly port: number
  /** absolute paths of what the configuration names, by kind of key; the same for both where one file holds both */
  readonly certificates: Readonly<Partial<Record<Family, string>>>
}

/** A program that ends TLS on a test host. */
export interface HostedProgram {
  readonly name: string
  readonly sites: readonly ServedSite[]
  /** its configuration file */
  readonly config: string
  /** folders whose content is what a deployment may change */
  readonly folders: readonly string[]
  /** process id of its master */
  readonly master: () => number
  /** facts that a device needs to know of it, by name: sockets, pid file */
  readonly facts: Readonly<Record<string, string>>
  /** what logrotate or a colleague would do; resolves when the program has taken the signal */
  reload(): Promise<void>
  /** reloads seen so far, where the program can tell; generation of its workers otherwise */
  generation(): string
  stop(): Promise<void>
}

/** Where a program is started, and with what. */
export interface ProgramSpace {
  /** an existing folder of its own, that every user may enter */
  readonly folder: string
  readonly sites: readonly Site[]
  readonly freePort: () => Promise<number>
}
