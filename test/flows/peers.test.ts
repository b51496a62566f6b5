// The peers are what they say, as seen by a client that is none of ours: openssl s_client.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import PQueue from 'p-queue'
import t, { type Test } from 'tap'
import { opensslMissing } from '../peers/openssl.ts'
import { type Peer, connectionBook } from '../peers/peer.ts'
import { type PeerRow, skipWithout } from '../peers/row.ts'
import { lookWithOpenssl } from '../peers/s-client.ts'
import { serviceMissing, startService } from '../peers/services.ts'
import { meet } from '../peers/raw.ts'
import { peerRows, startPeers } from '../peers/table.ts'
import { createTestbed } from '../peers/testbed.ts'

const bed = createTestbed()
const rows = peerRows(bed)
const noOpenssl = skipWithout(opensslMissing())

t.test('the rows of the table have names of their own and make sense', (t) => {
  const names = rows.map(({ name }) => name)
  const without = (fine: (row: PeerRow) => boolean) =>
    rows.filter((row) => !fine(row)).map(({ name }) => name)
  t.same(names, [...new Set(names)])
  t.same(
    without(({ expect }) => expect.leafs.length > 0 === (expect.outcome === 'certificate')),
    [],
    'there are leafs exactly where certificates are to be seen'
  )
  t.same(
    without(({ expect }) => expect.chains.map(([leaf]) => leaf).join() === expect.leafs.join()),
    [],
    'each chain begins with its leaf'
  )
  t.same(
    without(({ expect, sclient }) => sclient.every(({ leaf }) => expect.leafs.includes(leaf))),
    [],
    'openssl is to see one of the leafs'
  )
  t.end()
})

const versionNames = new Map([
  [0x301, 'TLSv1'],
  [0x302, 'TLSv1.1'],
  [0x303, 'TLSv1.2'],
  [0x304, 'TLSv1.3']
])

/** The version that s_client writes; "New, …" has it for TLS 1.3 only. */
const spoken = (output: string) =>
  (/^ *Protocol *: (\S+)/m.exec(output) ?? /^New, ([^,]+),/m.exec(output))?.[1]

/** Each look of openssl at a peer that runs. */
async function look(t: Test, row: PeerRow, peer: Peer): Promise<void> {
  for (const { args, leaf } of row.sclient) {
    const { chain, output } = await lookWithOpenssl({ host: peer.host, port: peer.port, args })
    const wanted = row.expect.chains[row.expect.leafs.indexOf(leaf)]
    t.same(chain, wanted, `${row.name} shows its chain to s_client ${args.join(' ')}`, { output })
    if (row.expect.version !== undefined) {
      t.equal(spoken(output), versionNames.get(row.expect.version), `${row.name} speaks its version`)
    }
  }
}

t.test('openssl sees the chain that a peer was given', { skip: noOpenssl }, async (t) => {
  const reachable = rows.filter(({ family, sclient }) => family !== 'service' && sclient.length > 0)
  const one = async (row: PeerRow) => {
    const peer = await row.start()
    await look(t, row, peer)
    if (peer.connections) {
      t.equal(peer.connections.total, row.sclient.length, `${row.name} counts its connections`)
    }
    await peer.close()
  }
  const queue = new PQueue({ concurrency: 6 })
  await queue.addAll(reachable.map((row) => () => one(row)))
})

t.test('openssl sees the chain that a service of Debian was given', { skip: noOpenssl }, async (t) => {
  const services = rows.filter(({ family }) => family === 'service')
  for (const missing of new Set(services.map((row) => row.missing()))) {
    if (missing !== undefined) t.pass(missing, { skip: skipWithout(missing) })
  }
  const { running, close } = await startPeers(services.filter((row) => row.missing() === undefined))
  try {
    await Promise.all(running.map(({ row, peer }) => look(t, row, peer)))
    const nameless = running.find(({ row }) => row.name === 'nginx-nameless')
    if (nameless) t.match(await output(nameless.peer), 'SSL alert number 112', 'nginx refuses without a name')
    const plain = running.find(({ row }) => row.name === 'nginx-plain')
    if (plain) t.match((await meet(plain.peer.port, 'what?\r\n\r\n')).bytes.toString(), /^HTTP\/1\.1 400/)
  } finally {
    await close()
  }
})

/** What s_client writes about a peer. */
const output = async ({ host, port }: Peer, ...args: string[]) =>
  (await lookWithOpenssl({ host, port, args })).output

t.test(
  'a peer without a certificate speaks with those who can do without',
  { skip: noOpenssl },
  async (t) => {
    const psk = await rowOf('openssl-psk-only').start()
    const offer = ['-psk', '00112233445566778899aabbccddeeff', '-cipher', 'PSK', '-tls1_2']
    t.match(await output(psk, ...offer), /Cipher is \S*PSK-/)
    t.match(await output(psk), /SSL alert number 40/)
    await psk.close()
    const anonymous = await rowOf('openssl-anonymous-only').start()
    t.match(await output(anonymous, '-cipher', 'aNULL:@SECLEVEL=0', '-tls1_2'), /Cipher is (ADH|AECDH)-/)
    t.match(await output(anonymous), /SSL alert number 40/)
    await anonymous.close()
  }
)

t.test('the post-quantum peer speaks with those who know its group, and with nobody else', async (t) => {
  const { port, close } = await rowOf('tls13-x25519mlkem768-only').start()
  const handshake = async (ecdhCurve: string) => {
    const socket = connectTls({ port, host: '127.0.0.1', ecdhCurve, rejectUnauthorized: false })
    const event = await new Promise((resolve) => {
      for (const name of ['secureConnect', 'error']) socket.once(name, () => resolve(name))
    })
    socket.destroy()
    return event
  }
  t.equal(await handshake('X25519MLKEM768'), 'secureConnect')
  t.equal(await handshake('X25519'), 'error')
  await close()
})

t.test(
  'a service ends with all it started, and leaves no files',
  { skip: skipWithout(serviceMissing('nginx')) },
  async (t) => {
    const service = await startService('nginx', { certificate: bed.ecdsa })
    t.ok(existsSync(service.files.key), 'its key is there while it runs')
    const [first] = service.ports
    t.ok(await answers(service.host, first?.port ?? 0), 'it listens')
    await service.stop()
    t.notOk(await answers(service.host, first?.port ?? 0), 'it does not listen any more')
    t.notOk(existsSync(service.files.key), 'its key is gone')
  }
)

t.test('what a process has started ends with it, even when it is killed', { skip: noOpenssl }, async (t) => {
  const script = `
    const { startOpenssl } = await import('${new URL('../peers/openssl.ts', import.meta.url).href}')
    const { port } = await startOpenssl({ show: [] , args: ['-psk', '00', '-tls1_2'] })
    console.log(port)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  t.ok(await answers('127.0.0.1', port), 's_server listens')
  child.kill('SIGKILL')
  let listens = true
  for (const end = performance.now() + 10_000; listens && performance.now() < end; await pause(20)) {
    listens = await answers('127.0.0.1', port)
  }
  t.notOk(listens, 's_server is gone')
})

t.test('a peer counts who is connected at once and when', async (t) => {
  const peer = await rowOf('accepts-only').start()
  const connections = peer.connections ?? connectionBook()
  const sockets = [1, 2, 3].map(() => connect(peer.port, peer.host))
  await until(() => connections.total === 3)
  t.equal(connections.now, 3)
  for (const socket of sockets) socket.resetAndDestroy()
  await until(() => connections.now === 0)
  const last = connect(peer.port, peer.host)
  await until(() => connections.total === 4)
  t.equal(connections.now, 1)
  t.equal(connections.most, 3)
  t.same([...connections.mostByAddress], [['127.0.0.1', 3]])
  t.same(
    connections.times.map(({ closed, opened }) => closed !== null && closed >= opened),
    [true, true, true, false]
  )
  last.destroy()
  await peer.close()
  await peer.close()
})

t.test('a peer listens where it is told to', async (t) => {
  const peer = await rowOf('http').start({ host: '127.77.0.9' })
  t.equal(peer.host, '127.77.0.9')
  t.ok(await answers('127.77.0.9', peer.port))
  t.notOk(await answers('127.0.0.1', peer.port))
  await peer.close()
})

function rowOf(wanted: string): PeerRow {
  const row = rows.find(({ name }) => name === wanted)
  if (!row) throw new Error(`no row is called ${wanted}`)
  return row
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 5_000; !holds(); await pause(2)) {
    if (performance.now() > end) throw new Error('it does not come to that')
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
