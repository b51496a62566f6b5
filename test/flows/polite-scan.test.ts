import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createBench, jsonLines } from './cli.ts'
import { startCountingServer } from './counting-server.ts'

const bench = createBench()
t.teardown(() => bench.remove())

const addresses = (text: string) =>
  jsonLines(text)
    .filter(({ type }) => type === 'endpoint')
    .map(({ address }) => String(address))
    .toSorted()

t.test('a CIDR, a range and an IPv6 host, with exclusions, at a set rate', async (t) => {
  const server = await startCountingServer()
  t.teardown(() => server.close())
  mkdirSync(bench.state)
  const never = join(bench.state, 'never.txt')
  writeFileSync(never, '127.21.0.17\n::ffff:127.21.0.18\n')
  const rate = 40
  const targets = ['127.21.0.0/26', '127.21.1.250-127.21.2.9', '[::1]', '127.21.0.5']
  const exclude = ['--exclude', '127.21.0.40/29,127.21.2.4,127.21.1.252', '--do-not-scan', never]
  const pace = ['--ports', String(server.port), '--rate', String(rate)]
  const scan = bench.start(['scan', ...targets, ...exclude, ...pace, '--json'])
  const { code, stdout, stderr } = await scan.ended
  t.equal(code, 0, stderr)

  const excluded = new Set(['127.21.2.4', '127.21.1.252', '127.21.0.17', '127.21.0.18'])
  for (let host = 40; host < 48; host++) excluded.add(`127.21.0.${host}`)
  const wanted = [
    ...Array.from({ length: 64 }, (_, host) => `127.21.0.${host}`),
    ...Array.from({ length: 6 }, (_, host) => `127.21.1.${250 + host}`),
    ...Array.from({ length: 10 }, (_, host) => `127.21.2.${host}`),
    '::1'
  ].filter((address) => !excluded.has(address))
  t.same(addresses(stdout), wanted.toSorted(), 'exactly the right set is found')

  t.same(
    server.arrivals.filter(({ address }) => excluded.has(address)),
    [],
    'nothing went to an excluded address'
  )
  t.equal(server.mostAtOnce, 1, 'never two connections at once to one address')
  // one more connection than intervals; the twin question makes two for each address
  const [first, last] = [server.arrivals[0], server.arrivals.at(-1)]
  const seconds = ((last?.at ?? 0) - (first?.at ?? 0)) / 1_000
  const measured = (server.arrivals.length - 1) / seconds
  t.equal(server.arrivals.length, 2 * wanted.length)
  t.ok(measured > rate * 0.9 && measured < rate * 1.1, `rate ${measured.toFixed(1)}, ${rate} was set`)
})

t.test('two connections at once to an address only where that is wished', async (t) => {
  const server = await startCountingServer()
  t.teardown(() => server.close())
  const names = ['--sni', 'a.test,b.test,c.test,d.test,e.test,f.test', '--ports', String(server.port)]
  const scan = (perHost: string) =>
    bench.run(['scan', '127.21.9.1', ...names, '--per-host', perHost, '--host-rate', '500'])
  t.equal((await scan('1')).code, 0)
  t.equal(server.mostAtOnce, 1)
  t.equal((await scan('4')).code, 0)
  t.ok(server.mostAtOnce > 1 && server.mostAtOnce <= 4, `${server.mostAtOnce} at once with --per-host 4`)
})

t.test('two threads share the addresses, the limits and the store', async (t) => {
  const server = await startCountingServer()
  t.teardown(() => server.close())
  const rate = 100
  const range = ['127.24.0.0/25', '--ports', String(server.port), '--rate', String(rate)]
  const { code, stdout, stderr } = await bench.run(['scan', ...range, '--workers', '2', '--json'])
  t.equal(code, 0, stderr)
  t.equal(new Set(addresses(stdout)).size, 128)
  t.equal(server.arrivals.length, 256, 'each address was asked for both key types, once')
  t.equal(server.mostAtOnce, 1)
  const seconds = ((server.arrivals.at(-1)?.at ?? 0) - (server.arrivals[0]?.at ?? 0)) / 1_000
  const measured = (server.arrivals.length - 1) / seconds
  t.ok(measured > rate * 0.9 && measured < rate * 1.1, `rate ${measured.toFixed(1)}, ${rate} was set`)
})

t.test('SIGINT stops within a second, and the scan can be resumed', async (t) => {
  const server = await startCountingServer()
  t.teardown(() => server.close())
  const range = ['127.22.0.0/24', '--ports', String(server.port), '--no-twin']
  const scan = bench.start(['scan', ...range, '--rate', '60', '--json'])
  await until(() => server.arrivals.length >= 40)
  const asked = performance.now()
  scan.process.kill('SIGINT')
  const { code, stdout, stderr } = await scan.ended
  const ms = performance.now() - asked
  t.equal(code, 130, stderr)
  t.ok(ms < 1_000, `ended after ${Math.round(ms)} ms`)
  const before = server.arrivals.length
  t.ok(before < 256)

  const [id = ''] = /resume (\d+)/.exec(stderr)?.slice(1) ?? []
  const resumed = await bench.run(['scan', '--resume', id, '--json'])
  t.equal(resumed.code, 0, resumed.stderr)
  const found = new Set([...addresses(stdout), ...addresses(resumed.stdout)])
  t.equal(found.size, 256, 'both parts together are the whole')
  // what was in flight when it stopped is asked again, nothing else
  const twice = server.arrivals.length - 256
  t.ok(twice >= 0 && twice <= 5, `${twice} asked twice`)
})

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}
