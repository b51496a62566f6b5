import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Certificate, pemOf } from './certificates.ts'
import type { Peer, Where } from './peer.ts'
import { type Running, isInstalled, startProcess, temporaryFolder } from './process.ts'
import { type Expectation, type PeerRow, ends, row, shows } from './row.ts'
import type { Testbed } from './testbed.ts'
import { looksByKey } from './tls-rows.ts'
import { version } from './wire.ts'

/** A server by `openssl s_server`: it serves one connection after the other. */
export interface OpensslServer {
  /** none, one, or two with keys of different types */
  readonly show: readonly Certificate[]
  readonly args?: readonly string[]
}

/** Starts it and waits until it says where it listens. */
export async function startOpenssl({ show, args = [] }: OpensslServer, where: Where = {}): Promise<Peer> {
  const { host = '127.0.0.1', port = 0 } = where
  const folder = temporaryFolder()
  const credentials = show.flatMap((certificate, at) => certificateArgs(folder.path, certificate, at))
  const accept = `${host.includes(':') ? `[${host}]` : host}:${port}`
  // an open standard input: at its end s_server ends too
  const running = startProcess({
    program: 'openssl',
    args: ['s_server', '-accept', accept, ...(show.length === 0 ? ['-nocert'] : credentials), ...args]
  })
  const close = async () => {
    await running.stop()
    folder.remove()
  }
  try {
    return { host, port: await listeningPort(running), connections: null, close }
  } catch (error) {
    await close()
    throw error
  }
}

function certificateArgs(folder: string, certificate: Certificate, at: number): string[] {
  const file = (name: string, text: string) => {
    const path = join(folder, `${at}-${name}.pem`)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const [cert, key, chain] = at === 0 ? ['-cert', '-key', '-cert_chain'] : ['-dcert', '-dkey', '-dcert_chain']
  const above = certificate.chain.slice(1)
  const own = [cert, file('leaf', certificate.pem), key, file('key', certificate.keyPem)]
  return above.length > 0 ? [...own, chain, file('chain', pemOf(above))] : own
}

async function listeningPort(running: Running): Promise<number> {
  for (const end = performance.now() + 10_000; performance.now() < end; await pause(5)) {
    const port = /^ACCEPT .*:(\d+)$/m.exec(running.output())?.[1]
    if (port !== undefined) return Number(port)
    if (running.exited() !== null) break
  }
  throw new Error(`s_server does not listen:\n${running.output()}`)
}

/** Why there is no openssl to run, or undefined when there is. */
export function opensslMissing(): string | undefined {
  return isInstalled('openssl') ? undefined : 'openssl is not installed'
}

/** What Node's TLS cannot be made to do. */
export function opensslRows({ rsa, ecdsa }: Testbed): PeerRow[] {
  const of = (name: string, server: OpensslServer, expect: Expectation, looks: PeerRow['sclient']) =>
    row({
      name,
      family: 'openssl',
      expect,
      sclient: looks,
      missing: opensslMissing,
      start: (where) => startOpenssl(server, where)
    })
  const look = (...args: string[]) => [{ args, leaf: rsa.fingerprint }]
  const one = (name: string, args: readonly string[], more: Partial<Expectation> = {}) =>
    of(name, { show: [rsa], args }, { ...shows([rsa]), ...more }, look())
  const psk = ['-psk', '00112233445566778899aabbccddeeff', '-tls1_2', '-cipher', 'PSK']
  const anonymous = ['-tls1_2', '-cipher', 'aNULL:@SECLEVEL=0']
  return [
    one('openssl-good', []),
    of('openssl-rsa-and-ecdsa', { show: [rsa, ecdsa] }, shows([rsa, ecdsa]), looksByKey(rsa, ecdsa)),
    one('openssl-small-records', ['-max_send_frag', '512', '-split_send_frag', '512']),
    one('openssl-padded-records', ['-tls1_3', '-record_padding', '4096'], { version: version.tls13 }),
    one('openssl-server-preference', ['-serverpref', '-no_ticket']),
    // they answer only to a client that offers such suites
    of('openssl-psk-only', { show: [], args: psk }, ends('alert'), []),
    of('openssl-anonymous-only', { show: [], args: anonymous }, ends('alert'), [])
  ]
}
