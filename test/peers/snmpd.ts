import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './ports.ts'
import { type Running, isInstalled, startProcess, temporaryFolder } from './process.ts'

/** A user of SNMPv3 who may read with authPriv only; protocols as snmpd.conf(5) names them. */
export interface SnmpdUser {
  readonly name: string
  readonly authentication: string
  readonly authenticationKey: string
  readonly privacy: string
  readonly privacyKey: string
}

/** What an agent is like. */
export interface SnmpdOptions {
  readonly host?: string
  /** read access from the loopback by version 2c; left out: by version 3 only */
  readonly community?: string
  readonly users?: readonly SnmpdUser[]
  /** sysObjectID, as of a device of some vendor */
  readonly objectId?: string
  readonly description?: string
  readonly name?: string
  /** values by object id that the agent has besides */
  readonly texts?: Readonly<Record<string, string>>
  readonly integers?: Readonly<Record<string, number>>
}

/** An agent that is running. */
export interface Snmpd {
  readonly host: string
  readonly port: number
  readonly running: Running
  readonly stop: () => Promise<void>
}

/** Why no agent can be started here, or undefined when one can. */
export function snmpdMissing(): string | undefined {
  return isInstalled('snmpd') ? undefined : 'snmpd is not installed'
}

/** Starts Net-SNMP's agent on the loopback and waits until it answers. */
export async function startSnmpd(options: SnmpdOptions): Promise<Snmpd> {
  const { host = '127.0.0.1' } = options
  const folder = temporaryFolder()
  const port = await freePort(host)
  const file = join(folder.path, 'snmpd.conf')
  writeFileSync(file, configuration(options, port), { mode: 0o600 })
  const transport = host.includes(':') ? `udp6:[${host}]:${port}` : `udp:${host}:${port}`
  const running = startProcess({
    program: 'snmpd',
    args: ['-f', '-Lo', '-C', '-c', file, transport],
    env: { SNMP_PERSISTENT_DIR: folder.path, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  })
  const stop = async () => {
    await running.stop()
    folder.remove()
  }
  try {
    await answering(host, port, running)
    return { host, port, running, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function configuration(options: SnmpdOptions, port: number): string {
  const { community, users = [], objectId, description, name, texts = {}, integers = {} } = options
  const lines = [
    // an engine id that does not depend on the machine, and differs between agents
    `engineID tlsward-${port}`,
    ...(community === undefined
      ? []
      : [`rocommunity ${community} 127.0.0.0/8`, `rocommunity6 ${community} ::1`]),
    ...users.flatMap((user) => [
      `createUser ${user.name} ${user.authentication} "${user.authenticationKey}" ${user.privacy} "${user.privacyKey}"`,
      `rouser ${user.name} priv`
    ]),
    ...(objectId === undefined ? [] : [`sysObjectID ${objectId}`]),
    ...(description === undefined ? [] : [`sysDescr ${description}`]),
    ...(name === undefined ? [] : [`sysName ${name}`]),
    ...Object.entries(texts).map(([oid, text]) => `override ${oid} octet_str "${text}"`),
    ...Object.entries(integers).map(([oid, number]) => `override ${oid} integer ${number}`)
  ]
  return `${lines.join('\n')}\n`
}

// the discovery of SNMPv3 (RFC 3414 §4): every agent answers it with a report, whoever asks
const discovery = Buffer.from(
  '303a020103300f02024a69020300ffe30401040201030410300e0400020100020100040004000400301204000400a00c020237f00201000201003000',
  'hex'
)

async function answering(host: string, port: number, running: Running): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  const heard = once(socket, 'message').then(() => true)
  try {
    for (const end = performance.now() + 20_000; ;) {
      socket.send(discovery, port, host)
      if (await Promise.race([heard, pause(25)])) return
      const exited = running.exited()
      if (exited !== null) throw new Error(`snmpd ended with ${exited}:\n${running.output()}`)
      if (performance.now() > end) throw new Error(`snmpd does not answer:\n${running.output()}`)
    }
  } finally {
    socket.close()
  }
}
