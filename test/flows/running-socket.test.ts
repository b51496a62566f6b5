import { connect } from 'node:net'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { plainScan } from '../../appliance/plain-scan.ts'
import { served, type Served } from '../../appliance/running/served.ts'
import { startAppliance, type Appliance } from './appliance-world.ts'
import { createBench, type Bench } from './cli.ts'

type Name = keyof Served

const scan = { ...plainScan, targets: [{ source: null, text: '127.0.0.1:1' }], pace: { rate: 1_000 } }
const watch = { $functions: ['scope', 'progress', 'endpoint', 'look'] }
const signal = { $signal: true }
const device = { connector: 'none', settings: {} }
const login = { version: '2c', community: 'public' }

/** Arguments that each function takes, and that change nothing but a new state directory. */
const good: { readonly [K in Name]: readonly unknown[] } = {
  scan: [scan, watch, signal],
  resume: [7, watch, signal],
  inventory: [{ sort: 'expiry', limit: 5 }],
  endpoints: [{ sort: 'address', gone: false, port: 443 }],
  endpoint: ['127.0.0.1:443'],
  certificates: ['00aabbcc'],
  scans: [],
  scanById: [7],
  prune: [100],
  schedules: [],
  addSchedule: [
    { name: 'odd', targets: ['127.0.0.1:1'], ports: '1', every: '900d', window: null, pace: { rate: 5 } },
    1_000
  ],
  removeSchedule: ['odd'],
  label: [[{ place: '127.0.0.1:1', add: ['a'], owner: null }]],
  connectorForms: [],
  identifyDevice: [device, signal],
  addDevice: [
    { ...device, name: 'odd', secrets: { password: 'x' }, pins: [{ what: 'a', fingerprint: 'b' }] },
    signal
  ],
  devices: [],
  deviceDetails: ['odd'],
  changeDevice: [
    {
      name: 'odd',
      settings: {},
      secrets: {},
      pins: [{ what: 'a', fingerprint: 'b' }],
      sameMachine: 'refused'
    }
  ],
  checkDevice: ['odd', [{ what: 'a', fingerprint: 'b' }], signal],
  devicePins: ['odd', signal],
  discoverDevice: ['odd', signal],
  allowDevice: ['odd', 'read-only'],
  setDeviceSecrets: ['odd', { password: 'x' }],
  removeDevice: ['odd'],
  findDevices: [{ range: '127.0.0.1', port: 1, login }, { $functions: ['progress'] }, signal],
  issuerForms: [],
  addIssuer: [{ name: 'odd', kind: 'manual', settings: {}, secrets: {} }],
  issuers: [],
  issuerDetails: ['odd'],
  checkIssuer: ['odd'],
  removeIssuer: ['odd'],
  importCertificate: ['odd', 'AAAA', null],
  vaultState: [],
  rotateVault: [],
  changeVaultSource: [{ source: 'systemd-credential', name: 'none' }, null],
  putProfile: ['odd', { issuer: 'odd' }],
  profiles: [],
  removeProfile: ['odd'],
  assignProfile: [['odd/x'], null],
  requestEvent: [
    {
      action: 'replace',
      targets: ['odd/x'],
      profile: 'odd',
      startAt: null,
      hours: 'any',
      approval: 'needed',
      requestedBy: 'alice'
    }
  ],
  followEvent: [7, { $functions: ['happening'] }, signal],
  events: [{ open: false, limit: 5, before: null }],
  eventById: [7],
  eventHistory: [7],
  eventPlans: [7],
  approveEvent: [7, { hash: 'ab', by: 'alice', lostNames: 'refused' }],
  widenEvent: [7, 'alice'],
  cancelEvent: [7, 'alice'],
  giveUpEvent: [7, 'alice'],
  retryEvent: [7, 'alice'],
  eventRequests: [7],
  giveCertificate: [7, 'x'],
  why: ['odd/x']
}

const names = Object.keys(served) as Name[]

async function world(t: Test): Promise<{ bench: Bench; appliance: Appliance; client: Client }> {
  const bench = createBench()
  const appliance = await startAppliance(bench)
  const client = new Client(join(bench.state, 'tlsward.sock'))
  t.teardown(async () => {
    client.close()
    await appliance.stop()
    bench.remove()
  })
  return { bench, appliance, client }
}

/** Says lines to the appliance and answers no question: what a broken command would do. */
class Client {
  readonly #socket
  readonly #ends = new Map<number, (line: Record<string, unknown>) => void>()
  #last = 0

  constructor(path: string) {
    this.#socket = connect(path)
    let rest = ''
    this.#socket.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts.map((part) => JSON.parse(part) as Record<string, unknown>)) {
        const id = line['id'] as number
        if ('tell' in line && line['ask'] !== null)
          this.#socket.write(`${JSON.stringify({ id, answer: line['ask'], value: { odd: [] } })}\n`)
        if ('result' in line || 'fault' in line) this.#ends.get(id)?.(line)
      }
    })
    this.#socket.on('close', () => {
      for (const end of this.#ends.values()) end({ lost: true })
    })
  }

  /** the last line of a call */
  call(name: string, args: readonly unknown[]): Promise<Record<string, unknown>> {
    const id = ++this.#last
    return new Promise((resolve) => {
      this.#ends.set(id, (line) => {
        this.#ends.delete(id)
        resolve(line)
      })
      this.#socket.write(`${JSON.stringify({ id, call: name, args })}\n`)
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}

const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, -1, 0, 0.5, 1e300, '', ' ', '\u0000', 'x'.repeat(300), true, [], {}, [[]]),
  fc.constantFrom<unknown>({ $functions: 5 }, { $functions: [null] }, { $signal: true }, { toString: 1 }),
  fc.jsonValue({ maxDepth: 2 })
)

/** The arguments with something odd in one place: a whole argument, a field, an entry; or one more. */
function spoilt(args: readonly unknown[]): fc.Arbitrary<readonly unknown[]> {
  const places = placesIn(args)
  return fc
    .record({ place: fc.constantFrom([String(args.length)], ...places), value: odd })
    .map(({ place, value }) => put(args, place, value) as readonly unknown[])
}

function placesIn(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = [...at, key]
    return [place, ...placesIn(inner, place)]
  })
}

function put(into: unknown, [key = '', ...deeper]: readonly string[], value: unknown): unknown {
  const copy: unknown = structuredClone(into)
  const fields = copy as Record<string, unknown>
  fields[key] = deeper.length === 0 ? value : put(fields[key], deeper, value)
  return copy
}

t.test('no argument of any function ends the appliance, or is a mistake of it', async (t) => {
  const { appliance, client } = await world(t)
  for (const name of names) {
    const line = await client.call(name, good[name])
    t.notMatch(
      line,
      { fault: { code: /socket-malformed|internal/ } },
      `${name}: ${JSON.stringify(line).slice(0, 200)}`
    )
    t.match(await client.call(name, [...good[name], 'more']), {
      fault: { code: 'socket-malformed', message: new RegExp(`^${name}: `) }
    })
  }
  const calls = fc.constantFrom(...names).chain((name) =>
    fc.record({
      name: fc.constant(name),
      args: fc.oneof(spoilt(good[name]), fc.array(odd, { maxLength: 4 }))
    })
  )
  await fc.assert(
    fc.asyncProperty(calls, async ({ name, args }) => {
      const line = await client.call(name, args)
      const fault = line['fault'] as { code: string; message: string } | undefined
      if (line['lost'] === true || fault?.code === 'internal') throw new Error(JSON.stringify(line))
    }),
    { numRuns: 1_500 }
  )
  t.match(await client.call('events', good.events), { result: [] }, 'it answers as before')
  t.notMatch(appliance.log(), /"level":"?(error|50|60)/, 'and had nothing to complain of')
})

t.test('a scan whose watcher hears nothing runs to its end', async (t) => {
  const { client } = await world(t)
  for (const nobody of [null, {}, { $functions: [] }, { $functions: ['endpoint'] }]) {
    const line = await client.call('scan', [scan, nobody, null])
    t.match(line, { result: [{ type: 'scan', state: 'finished' }] }, JSON.stringify(line))
  }
  const wrong = { ...scan, ports: 5 }
  t.match(await client.call('scan', [wrong, null, null]), {
    fault: { code: 'socket-malformed', message: 'scan: request.ports is 5: wanted a text or null' }
  })
})

t.test('who asks for something is a short text that can be shown', async (t) => {
  const { client } = await world(t)
  const odd = ['', 'a\nb', '\u001b[31mroot', 'x'.repeat(201), '\u202eecila', '\u{e0041}', null, 5]
  for (const by of odd) {
    for (const [name, args] of [
      ['cancelEvent', [7, by]],
      ['approveEvent', [7, { hash: 'ab', by, lostNames: 'refused' }]],
      ['requestEvent', [{ ...(good.requestEvent[0] as object), requestedBy: by }]]
    ] as const) {
      const field = { cancelEvent: 'by', approveEvent: 'approval.by', requestEvent: 'request.requestedBy' }[
        name
      ]
      t.match(await client.call(name, args), {
        fault: { code: 'socket-malformed', message: new RegExp(`^${name}: ${field} `) }
      })
    }
  }
  t.match(await client.call('cancelEvent', [7, 'Jürgen 李 as root']), { fault: { code: 'event-missing' } })
})

t.test(
  'a list of many targets reaches the appliance, and one that is too long is refused with the limit',
  async (t) => {
    const { bench } = await world(t)
    // 20 MiB: none of these is ever asked, since they are spared
    const lines = Array.from(
      { length: 1_500_000 },
      (_, at) => `127.${at >> 16}.${(at >> 8) & 255}.${at & 255}`
    )
    const spared = ['--exclude', '127.0.0.0/8']
    const long = await bench.run(['scan', '-l', '-', ...spared, '-p', '1'], { input: lines.join('\n') })
    t.equal(long.code, 2, long.stderr)
    t.match(long.stderr, /\[target-none\]/)
    const longer = await bench.run(['scan', '-l', '-', ...spared], {
      input: `${'# x\n'.repeat(18_000_000)}127.0.0.1`
    })
    t.equal(longer.code, 2)
    t.match(
      longer.stderr,
      /what scan is given is \d+ MiB long, and tlsward run takes .* 64 MiB .* \[socket-limit\]/
    )
    t.equal((await bench.run(['events'])).code, 0, 'it works as before')
  }
)
