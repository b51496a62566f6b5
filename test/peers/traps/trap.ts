import type { Certificate } from '../certificates.ts'
import type { ClientHello } from '../client-hello.ts'
import { type Choice, flightMessages } from '../flight.ts'
import { type Link, serveScript } from '../link.ts'
import { type Expectation, type PeerRow, type SClientLook, row } from '../row.ts'
import { suitsVersion, usualSuites } from '../suites.ts'
import { alert, contentType, record, version } from '../wire.ts'

/** What a trap does with one connection. */
export type Script = (link: Link) => Promise<void> | void

/** A row whose server follows the script on each connection. */
export function trap(
  name: string,
  expect: Expectation,
  script: Script,
  more: Partial<Pick<PeerRow, 'serverName' | 'sclient'>> = {}
): PeerRow {
  return row({ name, family: 'trap', expect, start: (where) => serveScript(script, where), ...more })
}

/** Looks of `openssl s_client` that all see the one leaf of an expectation. */
export function seenBy(expect: Expectation, ...args: readonly string[]): { sclient: readonly SClientLook[] } {
  return { sclient: expect.leafs.slice(0, 1).map((leaf) => ({ args, leaf })) }
}

/** A server that speaks nothing newer than TLS 1.2. */
export interface OldServer {
  readonly certificate: Certificate
  /** versions it speaks */
  readonly versions: readonly number[]
  /** its suites, favourites first */
  readonly suites?: readonly number[]
  readonly compression?: number
}

/** For a server that has an answer to every hello. */
export const everyVersion: readonly number[] = [version.ssl3, version.tls10, version.tls11, version.tls12]

/** Its answer to a hello: the alert 70 or 40 of a server that finds nothing in common, or its choice. */
export function choose(hello: ClientHello, server: OldServer): Choice | 70 | 40 {
  const versions = server.versions.filter((one) => one <= hello.version)
  if (versions.length === 0) return 70
  const version = Math.max(...versions)
  const suites = (server.suites ?? usualSuites).filter((one) => suitsVersion(one, version))
  const suite = suites.find((one) => hello.suites.includes(one))
  if (suite === undefined) return 40
  const wanted = server.compression ?? 0
  return { version, suite, compression: hello.compressions.includes(wanted) ? wanted : 0 }
}

/** The flight of an old server: its messages apart, and the version that its records carry. */
export interface OldFlight {
  readonly version: number
  readonly messages: readonly Buffer[]
}

/** Waits for the hello; gives the flight, or sends the alert and ends the connection. */
export async function oldFlight(link: Link, server: OldServer): Promise<OldFlight | undefined> {
  const hello = await link.hello()
  const choice = choose(hello, server)
  if (typeof choice === 'number') {
    await refuse(link, choice, Math.min(hello.version, version.tls12))
    return undefined
  }
  return { version: choice.version, messages: flightMessages(hello, choice, server.certificate) }
}

/** Sends a fatal alert and closes. */
export async function refuse(
  link: Link,
  description: number,
  wireVersion: number = version.tls12
): Promise<void> {
  await link.write(alert('fatal', description, wireVersion))
  link.end()
}

/** Waits for the client's answer to the flight, which is not understood, and closes. */
export async function finish(link: Link): Promise<void> {
  await link.some()
  link.end()
}

/** Handshake messages, each in a record of its own. */
export function eachInRecord({ messages, version }: OldFlight): Buffer {
  return Buffer.concat(messages.map((one) => record(contentType.handshake, version, one)))
}
