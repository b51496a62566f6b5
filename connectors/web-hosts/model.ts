import type { Unmanaged } from '../contract.ts'

/** What programs on a host say of their certificates, in words that are the same for all of them. */

/** The programs that we know, in the order in which they name a shared target. */
export const kinds = ['nginx', 'haproxy', 'apache', 'files'] as const

/** One of {@link kinds}. */
export type Kind = (typeof kinds)[number]

/** Their names as people write them. */
export const programTitles: Readonly<Record<Kind, string>> = {
  nginx: 'nginx',
  haproxy: 'HAProxy',
  apache: 'Apache',
  files: 'File'
}

/** How a program is made to read its files again. */
export type Reload =
  | { readonly by: 'command'; readonly argv: readonly string[] }
  /** `reload` on the socket of HAProxy's master */
  | { readonly by: 'master'; readonly socket: string }
  /** a signal to the process whose id stands in a file */
  | { readonly by: 'signal'; readonly signal: string; readonly pidFile: string }

/** What a plan keeps of a program: the same at every start of it. */
export interface Program {
  readonly kind: Kind
  /** for people, e.g. `nginx (/etc/nginx/nginx.conf)` */
  readonly name: string
  /** what tells it from others of its kind: its arguments or its configuration */
  readonly id: string
  /** tests the configuration and what it refers to; null: there is no such test */
  readonly test: readonly string[] | null
  /** null: it cannot be told to, e.g. HAProxy without a master */
  readonly reload: Reload | null
  /** starts it when it died of a reload; null: a person must */
  readonly start: readonly string[] | null
}

/** A program as it runs now. */
export interface RunningProgram extends Program {
  readonly version: string
  /** when the workers that take new connections began, milliseconds by the host's clock; null: not known */
  readonly began: number | null
  /** the file of its program is another one than it began with */
  readonly isReplaced: boolean
  /** why nothing of it can be managed, or null */
  readonly trouble: Unmanaged | null
}

/** What a file holds: leaf and intermediates, key, intermediates alone, all in one, or what belongs to the leaf. */
export type Role = 'cert' | 'key' | 'chain' | 'combined' | 'beside'

/** One file of a pair as it is configured, absolute. */
export interface ConfiguredFile {
  readonly role: Role
  readonly path: string
}

/** A certificate and its key as a program is configured to read them. */
export interface Pair {
  /** the path of the certificate */
  readonly object: string
  readonly files: readonly ConfiguredFile[]
  /** the path by which HAProxy knows it at runtime; null where it has no such name */
  readonly runtimeName: string | null
  /** why it cannot be managed, or null */
  readonly unmanaged: Unmanaged | null
}

/** An address that a program listens on. */
export interface Listen {
  /** an IP address or host name; `*` all, `[::]` all of IPv6 */
  readonly address: string
  readonly port: number
  /** what is shown to clients that send no name, or one that is not known */
  readonly isDefault: boolean
  readonly starttls: string | null
  /** the one name that is asked for here; left out: all names of the use */
  readonly only?: string | null
}

/** One place of a configuration that uses pairs together. */
export interface Use {
  /** e.g. `server shop.example` */
  readonly what: string
  /** file:line */
  readonly where: string
  /** names by which it is chosen; `certificate`: those of the certificate itself, as HAProxy does */
  readonly names: readonly string[] | 'certificate'
  readonly listens: readonly Listen[]
  readonly pairs: readonly Pair[]
}

/** A configuration, read. */
export interface Reading {
  readonly program: RunningProgram
  readonly uses: readonly Use[]
  /** files of the configuration with the SHA-256 of each */
  readonly configs: readonly ConfigFile[]
  /** files of the configuration that the login may not read */
  readonly unreadable: readonly string[]
  /** paths of the configuration that others can change, with the reason; they were not read */
  readonly exposed: readonly Exposed[]
  /** HAProxy: sockets of the configuration with level admin */
  readonly sockets: readonly string[]
  /** HAProxy: accounts of its workers, which hold every key */
  readonly keepers: readonly number[]
  /** HAProxy: bytes that a command of the runtime API may have */
  readonly bufferSize: number
  /** addresses that it wants to listen on, TLS or not */
  readonly ports: readonly number[]
}

/** A path that accounts which are not trusted can change. */
export interface Exposed {
  readonly path: string
  /** with the remedy */
  readonly why: string
}

/** A file of a configuration as it was read. */
export interface ConfigFile {
  readonly path: string
  /** where it leads */
  readonly real: string
  readonly sha256: string
}

/** Why nothing of a program with such a configuration can be managed: testing it would load what others write. */
export function troubleOf([first]: readonly Exposed[]): Unmanaged | null {
  return first ? { code: 'others-can-write', why: first.why } : null
}

/** What a person should know of a program that was upgraded while it runs. */
export function replacedNote({ name }: Pick<Program, 'name'>): string {
  return `${name} still runs the program of before an upgrade, and is tested with the new one: restart it.`
}

/** The part of a program that goes into a plan. */
export function programOf({ kind, name, id, test, reload, start }: RunningProgram): Program {
  return { kind, name, id, test, reload, start }
}
