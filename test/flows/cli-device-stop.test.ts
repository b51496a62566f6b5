import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { startAppliance } from './appliance-world.ts'
import { createBench, jsonLines, type Bench } from './cli.ts'

/** Somebody who takes a connection and says nothing. */
const sockets = new Set<Socket>()
let met = () => {}
const silent = createServer((socket) => {
  sockets.add(socket.on('error', () => {}))
  socket.on('close', () => sockets.delete(socket))
  met()
})
silent.listen(0, '127.0.0.1')
await once(silent, 'listening')
const { port } = silent.address() as AddressInfo
t.teardown(() => {
  for (const socket of sockets) socket.destroy()
  silent.close()
})

/** Stops `device add` while the device keeps it waiting; gives how long it took to end after that, ms. */
async function stopped(bench: Bench, signal: NodeJS.Signals) {
  const words = ['device', 'add', 'mute', 'web-hosts', 'address=127.0.0.1', `port=${port}`, 'user=x']
  const waits = new Promise<void>((resolve) => (met = resolve))
  const started = bench.start(words)
  await Promise.race([waits, started.ended])
  started.process.kill(signal)
  return started.ended
}

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130]
] as const) {
  t.test(`${signal} ends device add at once, whatever the device does`, { timeout: 20_000 }, async (t) => {
    const bench = createBench()
    t.teardown(() => bench.remove())
    const ran = await stopped(bench, signal)
    t.equal(ran.code, code, ran.stderr)
    t.match(ran.stderr, /^Stopped: the device is not kept\.\n$/)
    t.same(jsonLines((await bench.run(['device', '--json'])).stdout), [])
  })
}

t.test('the same where tlsward run asks the device', { timeout: 30_000 }, async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const appliance = await startAppliance(bench)
  try {
    const ran = await stopped(bench, 'SIGTERM')
    t.equal(ran.code, 143, ran.stderr)
  } finally {
    await appliance.stop()
  }
})
