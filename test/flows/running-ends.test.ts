import t from 'tap'
import { startAppliance } from './appliance-world.ts'
import { automationHost, slowReload, quick } from './automation-host.ts'
import { createBench, jsonLines, type RunningCli } from './cli.ts'

/** resolves once the process has written what is looked for */
function seen(what: RegExp) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const watch = ({ output }: RunningCli) => what.test(output.stdout + output.stderr) && resolve()
  return { promise, watch }
}

t.test('who follows an event is told that tlsward run ended, and goes on with it', async (t) => {
  const host = await automationHost(t, { reload: slowReload })
  const { bench, records, target } = host
  await records(0, 'issuer', 'add', 'ca', 'private-ca')
  await records(0, 'profile', 'set', 'web', 'issuer=ca', ...quick)
  const appliance = await startAppliance(bench)
  const writing = seen(/deploying/)
  const replacing = bench.start(['replace', target, '--profile', 'web', '--yes'], { watch: writing.watch })
  await writing.promise
  const ended = await appliance.stop()
  t.equal(ended.code, 0, ended.stderr)
  const told = await replacing.ended
  t.equal(told.code, 7, told.stderr)
  t.match(
    told.stderr,
    /event 1: tlsward run ended while it was followed.*tlsward events follow 1 \[socket-lost\]/
  )

  const gone = await bench.run(['events', 'follow', '1'])
  t.equal(gone.code, 0, gone.stderr)
  t.not(await host.served(), host.before.fingerprint, 'the new certificate is served')
})

t.test('who scans is told that tlsward run ended, and can go on', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const appliance = await startAppliance(bench)
  const begun = seen(/pairs/)
  const scan = ['scan', '127.0.0.0/26', '-p', '1', '--rate', '5']
  const scanning = bench.start(scan, { watch: begun.watch })
  await begun.promise
  const running = async () => jsonLines((await bench.run(['scans', '--json'])).stdout)
  while (!(await running()).some((line) => line['state'] === 'running'));
  t.equal((await appliance.stop()).code, 0)
  const told = await scanning.ended
  t.equal(told.code, 7, told.stderr)
  t.match(told.stderr, /tlsward run ended, and the scan .* stopped with it.*--resume NUMBER.*\[socket-lost\]/)
  const [stopped] = await running()
  t.match(stopped, { id: 1, state: 'stopped' }, 'it was ended in order')
})
