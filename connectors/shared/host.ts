import { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'

/** How a command on a host ended. */
export interface Ran {
  /** exit code; null when a signal ended it */
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** What a command gets. */
export interface RunOptions {
  /** written to its standard input, which is then closed; left out: closed at once */
  readonly stdin?: Secret | string
  /** how long it may take; default {@link commandMs} */
  readonly timeoutMs?: number
}

/**
 * A Unix host that commands run on, for one call of a session: over SSH, or this machine. Commands get an argv, never
 * a line for a shell, and the C locale; directories for administrators stand behind PATH.
 *
 * Faults of all methods: device-unreachable when the connection broke or the time ran out. What was running then may
 * have come to its end on the host: the result is unknown.
 */
export interface Host {
  /** for people, e.g. `tlsward@10.0.0.5:22` */
  readonly name: string
  run(argv: readonly string[], options?: RunOptions): Promise<Ran>
  /** one request to a Unix socket; gives all that was answered until it closed. Faults: device-right, device-refused */
  talk(socket: string, request: Secret | string): Promise<string>
}

/** A host that is connected. */
export interface HostConnection {
  /** the host for one call, which the signal ends */
  with(signal: AbortSignal): Host
  /** false once it is known to be gone; sends nothing */
  isOpen(): boolean
  close(): Promise<void>
}

/** How long a command may take by itself. */
export const commandMs = 60_000

/** Bytes of output that are kept of a command. */
export const outputLimit = 16 * 1024 * 1024

/** A POSIX shell script as argv: one line, parameters as $1, $2 … */
export function script(text: string, ...parameters: readonly string[]): string[] {
  return ['/bin/sh', '-c', text, 'sh', ...parameters]
}

/** What a command said, in one line for a message: its errors, or else its output. */
export function saidBy({ stdout, stderr }: Ran): string {
  const text = stderr.trim() === '' ? stdout.subarray(0, 4_000).toString() : stderr
  return visible(text.trim().replace(/\s*\n\s*/g, ' · '), 600)
}

/** The fault of a host that did not answer, or not to the end. */
export function unreachable(name: string, what: string, cause?: unknown): Fault {
  return new Fault('device-unreachable', `${name}: ${what}.`, { host: name }, cause)
}

/** An argv as a person would type it. */
export function shown(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word))).join(' ')
}

/** A word in single quotes for a POSIX shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
