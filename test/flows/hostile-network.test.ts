import t from 'tap'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { sweepOptions } from '../../sensor/scan/defaults.ts'
import type { ServedChain } from '../../sensor/scan/observation.ts'
import { mostHeldBytes } from '../../sensor/scan/probe/held-bytes.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import { sweep } from '../../sensor/scan/sweep.ts'
import { openSpace } from '../../sensor/scan/targets/space.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'
import { flightMessages } from '../peers/flight.ts'
import { serveScript } from '../peers/link.ts'
import type { Peer } from '../peers/peer.ts'
import { choose, eachInRecord, everyVersion } from '../peers/traps/trap.ts'
import { message, messageType, records } from '../peers/wire.ts'
import { ascii, element, extension, forge, sequence } from '../unit/pki-forge.ts'
import { createBench, jsonLines } from './cli.ts'

// What the network must not be able to do to a scan.

/** A TLS server that shows whatever `pick` gives for the number of the connection. */
function showing(pick: (turn: number) => Certificate): Promise<Peer> {
  return serveScript(async (link) => {
    const hello = await link.hello()
    const certificate = pick(link.turn)
    const choice = choose(hello, { certificate, versions: everyVersion })
    if (typeof choice === 'number') return link.end()
    const messages = flightMessages(hello, choice, certificate)
    await link.write(eachInRecord({ version: choice.version, messages }))
    await link.gone()
  })
}

t.test('chains of one leaf with other issuers, behind a load balancer, are all handed over', async (t) => {
  const [old, renewed] = [createAuthority('Old issuer'), createAuthority('Renewed issuer')]
  const leaf = createCertificate({ names: ['www.balanced.test'], issuer: old })
  const through = (issuer: Certificate) => ({ ...leaf, chain: [leaf, issuer] })
  // the connection for the other key type meets another server
  const first = await showing((turn) => through(turn === 1 ? old : renewed))
  const second = await showing(() => through(renewed))
  t.teardown(() => Promise.all([first.close(), second.close()]))

  const seen: ServedChain[] = []
  const pairs = [first, second].map(({ port }) => ['127.0.0.1', port, null] as const)
  const space = openSpace({ ranges4: [], ranges6: [], ports: [], pairs })
  const options = sweepOptions({ pace: { concurrency: 1, hostRate: 1_000 } })
  const tools = { clock: systemClock, random: systemRandom, dialer: openDialer('auto') }
  await sweep(
    { space, order: (position) => position },
    options,
    { ...tools, deliver: ({ observations }) => void seen.push(...observations.flatMap((one) => one.chains)) },
    new AbortController().signal
  )
  t.equal(first.connections?.total, 2)
  t.equal(seen.length, 2, 'the second chain of the same leaf is not shown beside the first')
  t.ok(seen[0]?.certificates, 'the first endpoint brings its certificates')
  t.ok(seen[1]?.certificates, 'and so does the first that shows the other chain')
})

t.test('a certificate cannot send the scan to what must not be touched', async (t) => {
  const spared = await serveScript((link) => link.end(), { host: '127.0.0.2' })
  const url = (name: string) => ascii(0x86, `http://${name}:${spared.port}/list.crl`)
  const point = (name: string) => sequence(element(0xa0, element(0xa0, url(name))))
  const { der } = forge({ extensions: [extension('2.5.29.31', sequence(point('127.0.0.2')))] })
  const shown = createCertificate({ names: ['www.forged.test'] })
  const server = await showing(() => ({ ...shown, chain: [{ ...shown, der }] }))
  const bench = createBench()
  t.teardown(async () => {
    bench.remove()
    await Promise.all([server.close(), spared.close()])
  })
  const config = join(bench.state, '..', 'config')
  mkdirSync(config, { recursive: true })
  writeFileSync(join(config, 'settings.json'), '{"outgoing": "any"}')
  const scan = ['scan', `127.0.0.1:${server.port}`, '--revocation', '--json']

  await bench.run(scan)
  t.equal(spared.connections?.total, 1, 'allowed to ask anybody, it asks')
  writeFileSync(join(config, 'do-not-scan'), '127.0.0.2\n')
  const ran = await bench.run(scan)
  t.equal(spared.connections?.total, 1, 'but nobody on the do-not-scan list')
  const revocation = jsonLines(ran.stdout).find((line) => line['type'] === 'revocation')
  t.match(revocation, { outcome: 'unavailable', attempts: [{ why: 'not-allowed' }] })
})

t.test('a thousand answers that never end cannot take more memory than all together may', async (t) => {
  const honest = createCertificate({ names: ['www.honest.test'] })
  const server = await showing(() => honest)
  // nearly all of the largest certificate message that is taken, and not its end
  const whole = createCertificate({ names: ['www.endless.test'] })
  const endless = await serveScript(async (link) => {
    const hello = await link.hello()
    const choice = choose(hello, { certificate: whole, versions: everyVersion })
    if (typeof choice === 'number') return link.end()
    const [first = Buffer.alloc(0)] = flightMessages(hello, choice, whole)
    const certificate = message(messageType.certificate, Buffer.alloc(250_000), 262_000)
    await link.write(records(Buffer.concat([first, certificate]), choice.version))
    await link.gone()
  })
  t.teardown(() => Promise.all([server.close(), endless.close()]))

  const many = 400
  const greedy = Array.from({ length: many }, (_, at) => ['127.0.0.1', endless.port, `n${at}.test`] as const)
  const pairs = [...greedy, ['127.0.0.1', server.port, null] as const]
  const space = openSpace({ ranges4: [], ranges6: [], ports: [], pairs })
  const pace = { rate: 1e5, hostRate: 1e5, subnetRate: 1e5, hostConcurrency: 500, subnetConcurrency: 500 }
  const counts = new Map<string, number>()
  await sweep(
    { space, order: (position) => position },
    sweepOptions({ pace, answerMs: 12_000, repeats: 0, twin: false }),
    {
      clock: systemClock,
      random: systemRandom,
      dialer: openDialer('auto'),
      deliver({ observations }) {
        for (const { outcome } of observations) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
      }
    },
    new AbortController().signal
  )
  t.equal(counts.get('certificate'), 1, 'the honest server is heard')
  const held = counts.get('stalled') ?? 0
  t.ok(held * 250_000 <= mostHeldBytes, `${held} were held to their end`)
  t.equal(held + (counts.get('too-large') ?? 0), many, 'the others had to go')
})
