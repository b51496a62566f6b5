import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Type } from 'typebox'
import { callbacks, signal, value, type Takings } from '../../appliance/socket/arguments.ts'
import { connectFunctions, type Manners } from '../../appliance/socket/client.ts'
import { serveFunctions, type Service } from '../../appliance/socket/server.ts'
import { systemClock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'

interface Sample {
  add(a: number, b: number): Promise<number>
  fail(): Promise<never>
  ask(watch: { scope(size: number): Promise<boolean>; note(text: string): void }): Promise<string>
  wait(signal: AbortSignal): Promise<string>
  count(to: number, signal: AbortSignal): AsyncIterable<number>
}

const manners: Manners<Sample> = { add: 'one', fail: 'one', ask: 'one', wait: 'one', count: 'many' }

const number = Type.Number()
const takings: Takings<Sample> = {
  add: [value('a', number), value('b', number)],
  fail: [],
  ask: [callbacks('watch', { scope: 'asks', note: 'tells' })],
  wait: [signal],
  count: [value('to', number), signal]
}

let counted = 0
const sample: Sample = {
  add: async (a, b) => a + b,
  async fail() {
    throw new Fault('scan-missing', 'scan 7: there is none', { scan: 7 })
  },
  async ask(watch) {
    watch.note('begin')
    return (await watch.scope(12)) ? 'yes' : 'no'
  },
  wait: (signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted'), { once: true })),
  async *count(to, signal) {
    for (counted = 0; counted < to && !signal.aborted; counted++) yield counted
  }
}

const service: Service = { functions: { ...sample }, takings, clock: systemClock }

async function world(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'socket-'))
  const path = join(folder, 'tlsward.sock')
  const server = await serveFunctions(path, service)
  const client = await connectFunctions<Sample>(path, manners)
  t.teardown(async () => {
    await client?.close()
    await server.close()
    rmSync(folder, { recursive: true })
  })
  if (!client) throw new Error('nobody serves')
  return { path, server, client }
}

const never = new AbortController().signal

t.test('values, faults, streams and questions go over the socket', async (t) => {
  const { client } = await world(t)
  t.equal(await client.add(2, 3), 5)
  await t.rejects(client.fail(), {
    code: 'scan-missing',
    message: 'scan 7: there is none',
    facts: { scan: 7 }
  })
  const notes: string[] = []
  const watch = { scope: async (size: number) => size === 12, note: (text: string) => void notes.push(text) }
  t.equal(await client.ask(watch), 'yes')
  t.same(notes, ['begin'])
  const items: number[] = []
  for await (const item of client.count(2_000, never)) items.push(item)
  t.equal(items.length, 2_000)
  t.same(items.slice(-2), [1_998, 1_999])
  t.same(await Promise.all([client.add(1, 1), client.add(2, 2), client.add(3, 3)]), [2, 4, 6])
})

t.test('an abort reaches the function, and so does the end of the connection', async (t) => {
  const { client, server } = await world(t)
  const abort = new AbortController()
  const waiting = client.wait(abort.signal)
  abort.abort()
  t.equal(await waiting, 'aborted')
  t.equal(await client.wait(AbortSignal.abort()), 'aborted')
  const lost = client.wait(never)
  await client.add(1, 1)
  await server.close()
  await t.rejects(lost, { code: 'socket-lost' })
  await t.rejects(client.add(1, 1), { code: 'socket-lost' })
})

t.test('a reader that stops early stops the writer', async (t) => {
  const { client } = await world(t)
  for await (const item of client.count(Number.MAX_SAFE_INTEGER, never)) if (item === 10) break
  const seen = await client.add(0, 0).then(() => counted)
  for (let last = seen; ; last = counted) {
    await client.add(0, 0)
    if (last === counted) break
  }
  t.pass('it does not go on for ever')
})

t.test('the socket is closed to others, and taken once', async (t) => {
  const { path } = await world(t)
  t.equal(statSync(path).mode & 0o777, 0o600)
  await t.rejects(serveFunctions(path, service), { code: 'socket-taken' })
})

t.test('nobody serves where there is no socket, or a dead one', async (t) => {
  const { path, server } = await world(t)
  await server.close()
  t.equal(await connectFunctions<Sample>(path, manners), undefined)
})

t.test('garbage ends its own connection and nothing else', async (t) => {
  const { path, client } = await world(t)
  for (const text of ['x\n', '{}\n', '{"id":1,"call":"toString","args":[]}\n', '{"id":1,"call":5}\n']) {
    const socket = connect(path)
    socket.on('error', () => {})
    socket.end(text)
    await new Promise((resolve) => socket.on('close', resolve).resume())
  }
  t.equal(await client.add(2, 2), 4)
})
