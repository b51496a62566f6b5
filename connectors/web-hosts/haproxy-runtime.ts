import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import type { Host } from '../shared/host.ts'
import { lengthOf, withPayload } from './client.ts'

/** What a running HAProxy knows by name. */
export interface RuntimeCertificates {
  readonly names: readonly string[]
  /** a certificate that somebody has set and not committed, or null */
  readonly transaction: string | null
}

/** `show ssl cert`: names, and the one transaction that a process can have. */
export async function showCertificates(host: Host, socket: string): Promise<RuntimeCertificates> {
  const answer = await host.talk(socket, 'show ssl cert\n')
  const lines = answer
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const names = lines.filter((line) => !/^[#*]/.test(line))
  const open = lines.find((line) => line.startsWith('*'))
  return { names, transaction: open === undefined ? null : open.slice(1) }
}

/** The name under which a process holds the certificate of a path; it keeps names as they are configured. */
export function runtimeNameOf(names: readonly string[], path: string): string | undefined {
  return (
    names.find((name) => name === path) ??
    names.find((name) => posix.normalize(name) === posix.normalize(path))
  )
}

/** SHA-1 of the leaf that the process serves under a name, lower-case hex; undefined when there is none. */
export async function servedSha1(host: Host, socket: string, name: string): Promise<string | undefined> {
  const answer = await host.talk(socket, `show ssl cert ${name}\n`)
  return /^SHA1 FingerPrint: ([0-9A-F]{40})/im.exec(answer)?.[1]?.toLowerCase()
}

/** Does the socket let us change things? */
export async function hasAdminLevel(host: Host, socket: string): Promise<boolean> {
  return /^admin/m.test(await host.talk(socket, 'show cli level\n'))
}

/** A certificate to put into a running HAProxy. */
export interface RuntimeChange {
  readonly socket: string
  readonly name: string
  /** certificate, intermediates and key */
  readonly pem: Secret
  readonly sha1: string
  /** tune.bufsize */
  readonly limit: number
}

/**
 * Puts a certificate into the process: set, look at what was set, commit. There is one transaction for the whole
 * process. HAProxy before 3.0.7 takes a `set` for another certificate into a transaction that is open already and
 * only says `updated` (984d2cfb6): such bytes are taken out again at once. Faults: device-busy for a foreign
 * transaction, device-refused.
 */
export async function commitCertificate(host: Host, change: RuntimeChange): Promise<void> {
  const { socket, name, pem, sha1, limit } = change
  const request = withPayload(`set ssl cert ${name}`, pem)
  // a longer command closes the connection without an answer
  if (lengthOf(request) >= limit) {
    const size = `${lengthOf(request)} bytes are more than tune.bufsize (${limit})`
    throw refused(name, `${size}; raise it, or let the device reload HAProxy instead (settings)`)
  }
  const { transaction } = await showCertificates(host, socket)
  if (transaction === name && (await servedSha1(host, socket, `*${name}`)) === sha1) {
    // left by ourselves when a connection broke between set and commit
    return commit(host, change)
  }
  if (transaction !== null) throw foreign(transaction)
  const answer = await host.talk(socket, request)
  const [, verb, set] = /Transaction (created|updated) for certificate (.*)!/.exec(answer) ?? []
  if (verb === 'updated' && set !== undefined) {
    await host.talk(socket, `abort ssl cert ${set}\n`)
    throw foreign(set)
  }
  if (verb === undefined && /currently locked/.test(answer)) throw foreign(name)
  if (verb === undefined || set !== name) throw refused(name, said(answer))
  if ((await servedSha1(host, socket, `*${name}`)) !== sha1) {
    await host.talk(socket, `abort ssl cert ${name}\n`)
    throw refused(name, 'what it took is not what was sent')
  }
  await commit(host, change)
}

async function commit(host: Host, { socket, name, sha1 }: RuntimeChange): Promise<void> {
  const answer = await host.talk(socket, `commit ssl cert ${name}\n`)
  if (!answer.includes('Success!')) {
    // an error leaves the transaction open, where it would catch the next one's bytes
    await host.talk(socket, `abort ssl cert ${name}\n`)
    throw refused(name, said(answer))
  }
  if ((await servedSha1(host, socket, name)) !== sha1)
    throw refused(name, 'it still serves another certificate')
}

/** Takes out what was set and not committed, if it is this certificate. */
export async function abortIfOurs(host: Host, change: Omit<RuntimeChange, 'pem' | 'limit'>): Promise<void> {
  const { socket, name, sha1 } = change
  const { transaction } = await showCertificates(host, socket)
  if (transaction !== name || (await servedSha1(host, socket, `*${name}`)) !== sha1) return
  await host.talk(socket, `abort ssl cert ${name}\n`)
}

/** What the master answers to `reload`; HAProxy before 2.7 says nothing. Fault device-refused when it says no. */
export async function reloadByMaster(host: Host, socket: string): Promise<void> {
  const answer = await host.talk(socket, 'reload\n')
  if (/^Success=0/m.test(answer)) {
    throw new Fault('device-refused', `HAProxy did not reload: ${said(answer)}.`, { socket })
  }
}

/** it repeats what it does not understand: never a line of a key */
function said(answer: string): string {
  const text = answer.trim().replace(/[A-Za-z0-9+/=]{56,}/g, '…')
  return text === '' ? 'it closed the connection without an answer' : visible(text, 400)
}

function foreign(name: string): Fault {
  const what = `Somebody has begun to change the certificate ${visible(name)} in the running HAProxy`
  return new Fault('device-busy', `${what}: commit or abort it (abort ssl cert ${visible(name)}).`, { name })
}

function refused(name: string, why: string): Fault {
  return new Fault('device-refused', `HAProxy does not take the certificate ${name}: ${why}.`, { name })
}
