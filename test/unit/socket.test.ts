import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

/** A connection that says lines and hears what comes, until it is told to hear nothing. */
function raw(t: Test, path: string) {
  const socket = connect(path)
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  const heard: Record<string, unknown>[] = []
  let rest = ''
  socket.on('data', (bytes) => {
    const parts = (rest + String(bytes)).split('\n')
    rest = parts.pop() ?? ''
    heard.push(...parts.map((part) => JSON.parse(part) as Record<string, unknown>))
  })
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  const say = (line: object) => socket.write(`${JSON.stringify(line)}\n`)
  return { socket, heard, closed, say }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 20_000; !holds();) {
    if (performance.now() > end) throw new Error(`it never came: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test('what is called back may be missing, answer nonsense, and fail', async (t) => {
  const { path, client } = await world(t)
  const { heard, say } = raw(t, path)
  for (const watch of [null, {}, { $functions: [] }, { $functions: ['other', '__proto__'] }])
    say({ id: heard.length + 1, call: 'ask', args: [watch] })
  say({ id: 9, call: 'ask', args: [{ $functions: ['scope'] }] })
  await until(() => heard.some((line) => 'tell' in line), 'it asks')
  say({ id: 9, answer: 1, value: 'true' })
  await until(() => heard.some((line) => line['id'] === 9 && 'result' in line), 'it has its answer')
  t.match(
    heard.findLast((line) => 'result' in line),
    { result: 'no' },
    'only true is a yes'
  )
  const failing = { note() {}, scope: () => Promise.reject(new Fault('confirmation-needed', 'no')) }
  await t.rejects(client.ask(failing), { code: 'confirmation-needed' })
  const odd = {
    scope: async () => true,
    note() {
      throw new Error('odd')
    }
  }
  await t.rejects(client.ask(odd), { code: 'internal', message: /odd/ })
  t.equal(await client.add(2, 2), 4)
})

t.test('arguments that are otherwise do not reach the function', async (t) => {
  const { path } = await world(t)
  const { heard, say } = raw(t, path)
  const odd: readonly (readonly [name: string, args: readonly unknown[], message: RegExp])[] = [
    ['add', [], /^add: a is nothing: wanted a number$/],
    ['add', [1, 'x'], /^add: b is "x": wanted a number$/],
    ['add', [1, 2, 3], /^add: 3 arguments were given, wanted 2$/],
    ['ask', [5], /^ask: watch is not an object of functions$/],
    ['ask', [{ $functions: 5 }], /^ask: watch is not/],
    ['count', [{}], /^count: to is an object: wanted a number$/]
  ]
  for (const [at, [name, args, message]] of odd.entries()) {
    say({ id: at, call: name, args })
    await until(() => heard.length > at, 'an answer')
    t.match(heard[at], { id: at, fault: { code: 'socket-malformed', message } })
  }
})

t.test('items go no further ahead than the peer says that it has used up', async (t) => {
  const { path } = await world(t)
  const { heard, say } = raw(t, path)
  say({ id: 1, call: 'count', args: [Number.MAX_SAFE_INTEGER, null] })
  say({ id: 2, call: 'add', args: [1, 1] })
  await until(() => heard.some((line) => line['id'] === 2), 'the other call is answered meanwhile')
  await until(() => heard.length > 512, 'a window full of items')
  say({ id: 3, call: 'add', args: [1, 1] })
  await until(() => heard.some((line) => line['id'] === 3), 'and again')
  t.equal(heard.filter((line) => 'item' in line).length, 512)
  t.equal(counted, 512, 'no more is made either')
  say({ id: 1, more: 100 })
  await until(() => counted === 612, 'as many more')
})

/** A service that tells a lot, to peers that have little room and little time. */
async function impatient(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'socket-'))
  const path = join(folder, 'tlsward.sock')
  interface Talks {
    talk(
      watch: { tell(text: string): void; show(at: number): void; isBehind(): boolean },
      signal: AbortSignal
    ): Promise<string>
    long(): Promise<string>
    short(): Promise<string>
  }
  const seen = { told: 0, rested: 0, ended: 0 }
  const functions: Talks = {
    async talk(watch, signal) {
      for (let turn = 0; !signal.aborted; turn++) {
        watch.show(turn)
        if (watch.isBehind()) seen.rested++
        else {
          seen.told++
          watch.tell('x'.repeat(10_000))
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      seen.ended++
      return 'done'
    },
    long: async () => 'y'.repeat(30_000_000),
    async short() {
      seen.ended++
      return 'z'.repeat(10_000)
    }
  }
  const takings: Takings<Talks> = {
    talk: [callbacks('watch', { tell: 'tells', show: 'shows', isBehind: 'lags' }), signal],
    long: [],
    short: []
  }
  const bounds = { highBytes: 100_000, mostBytes: 40_000_000, stalledMs: 2_000 }
  const server = await serveFunctions(path, {
    functions: { ...functions },
    takings,
    clock: systemClock,
    bounds
  })
  t.teardown(async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  })
  return { path, seen, manners: { talk: 'one', long: 'one', short: 'one' } as const satisfies Manners<Talks> }
}

t.test('who does not read is told no more, and ended after a while', async (t) => {
  const { path, seen } = await impatient(t)
  const { socket, say, closed } = raw(t, path)
  socket.pause()
  say({ id: 1, call: 'talk', args: [{ $functions: ['tell', 'show'] }] })
  await until(() => seen.rested > 100, 'the function hears that nobody reads')
  t.ok(
    seen.told < 200,
    `${seen.told} times 10 KB were told: what the sockets themselves take, and little more`
  )
  await until(() => seen.ended === 1, 'the connection is ended, and the call with it')
  socket.resume()
  await closed
})

t.test('who asks again and again and does not read is not answered for ever', async (t) => {
  const { path, seen } = await impatient(t)
  const { socket, closed } = raw(t, path)
  socket.pause()
  let id = 0
  const ask = () => {
    while (!socket.destroyed && socket.write(`${JSON.stringify({ id: ++id, call: 'short', args: [] })}\n`));
  }
  socket.on('drain', ask)
  ask()
  let [still, last] = [0, 0]
  await until(() => {
    still = seen.ended === last && socket.writableNeedDrain ? still + 1 : 0
    last = seen.ended
    return last > 0 && still > 2_000
  }, 'the questions are no longer read')
  t.ok(seen.ended < 3_000, `${seen.ended} answers of 10 KB, of ${id} questions`)
  socket.resume()
  socket.destroy()
  await closed
})

t.test('who reads gets everything, however long', async (t) => {
  const { path, manners } = await impatient(t)
  const client = await connectFunctions<{ long(): Promise<string> }>(path, { long: manners.long })
  t.equal((await client?.long())?.length, 30_000_000)
  await client?.close()
})

t.test('what is too long for one line is refused with the limit, on both sides', async (t) => {
  const { client } = await world(t)
  const long = 'x'.repeat(70_000_000)
  const odd = client as unknown as { add(a: string, b: number): Promise<number> }
  await t.rejects(odd.add(long, 1), { code: 'socket-limit', message: /add .* 67 MiB .* 64 MiB/ })
  await t.rejects(odd.add('x'.repeat(40_000_000), 1), { code: 'socket-malformed' }, 'a long one arrives')
  t.equal(await client.add(1, 1), 2, 'the connection is as before')
})

t.test('the end of the service is told to calls under way, and waited for', async (t) => {
  const { client, server } = await world(t)
  const waiting = client.wait(never)
  await client.add(1, 1)
  const ended = server.close()
  await t.rejects(waiting, { code: 'socket-lost', message: /tlsward run was ended meanwhile/ })
  await ended
})

const notRoot = process.getuid?.() === 0 ? false : 'only root can give files away'

t.test(
  'nothing is sent to a socket that another account made, or to what is none',
  { skip: notRoot },
  async (t) => {
    const { path } = await world(t)
    const folder = join(path, '..')
    const connected = () => connectFunctions<Sample>(path, manners)
    chownSync(path, 65_534, 65_534)
    await t.rejects(connected(), { code: 'socket-foreign', message: /it belongs to user 65534/ })
    chownSync(path, 0, 0)
    chmodSync(folder, 0o777)
    await t.rejects(connected(), { code: 'socket-foreign', message: /others may put files into its folder/ })
    chmodSync(folder, 0o700)
    chownSync(folder, 65_534, 65_534)
    await t.rejects(connected(), { code: 'socket-foreign' })
    chownSync(folder, 0, 0)
    const client = await connected()
    t.equal(await client?.add(1, 2), 3)
    await client?.close()
    writeFileSync(join(folder, 'file'), '')
    await t.rejects(connectFunctions(join(folder, 'file'), {}), {
      code: 'socket-foreign',
      message: /it is no socket/
    })
    await t.rejects(serveFunctions(join(folder, 'file'), service), { code: 'socket-foreign' })
    t.equal(statSync(join(folder, 'file')).size, 0, 'and it is left alone')
  }
)
