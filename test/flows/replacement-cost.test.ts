import t, { type Test } from 'tap'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import { hostMissing } from '../peers/hosts/host.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { makeHostedSite, openHostedSite, requestRenewal, startEngineHost } from './hosted-engine-world.ts'

const missing = hostMissing(['nginx'])
const skip = missing !== undefined && process.env['CI'] !== 'true' ? missing : false

/** An engine that works by itself, and a host whose sshd counts what is asked of it. */
async function counted(t: Test, change: Partial<EngineDeps> = {}) {
  const at = await startEngineHost('nginx', { sshdLines: ['LogLevel VERBOSE'] })
  t.teardown(() => at.stop())
  const site = await makeHostedSite(directoryFor(t), at, {
    profile: { keep: { generations: 1, graceHours: 1 } }
  })
  const happens = new Map<string, () => void>()
  const open = openHostedSite(site, (moment) => happens.get(moment)?.(), change)
  t.teardown(() => open.close())
  const stop = new AbortController()
  const running = open.engine.run(stop.signal)
  const said = (what: RegExp) => at.host.sshd.log().match(what)?.length ?? 0
  return {
    ...open,
    at,
    happens,
    commands: () => said(/Starting session: (command|subsystem)/g),
    signIns: () => said(/Accepted publickey/g),
    signOuts: () => said(/Disconnected from user/g),
    async replace() {
      const { id } = requestRenewal(open, at)
      open.engine.poke()
      for (const end = performance.now() + 60_000; performance.now() < end;) {
        if (open.store.events.get(id).open === 0) break
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return open.store.events.get(id)
    },
    async stop() {
      stop.abort()
      await running
    }
  }
}

/**
 * What a replacement may cost a host: each command is a process there, and takes up to a tenth of a second. The first
 * signs in (3: SFTP, the login, SELinux); each plans twice (8: processes, version, test, rights; 2 more where the
 * workers began in the second in which a file was written), deploys (5: two tests, time of the switch, processes,
 * reload), looks for the new workers (1, or up to 4 on a busy machine) and reads back (2).
 */
const mostCommands = { first: 24, second: 19 } as const

t.test('a replacement signs in once, and asks the host no more than is needed', { skip }, async (t) => {
  const world = await counted(t)
  for (const nth of ['first', 'second'] as const) {
    const [commands, signIns] = [world.commands(), world.signIns()]
    const event = await world.replace()
    t.equal(event.state, 'live', event.why)
    const cost = world.commands() - commands
    t.comment(`table: commands of the ${nth} replacement: ${cost}`)
    t.ok(cost <= mostCommands[nth], `${nth}: ${cost} commands, at most ${mostCommands[nth]}`)
    t.ok(cost > 8, 'they are counted')
    t.ok(world.signIns() - signIns <= 1, `${nth}: signed in once at most`)
  }
  await world.stop()
})

t.test('the engine signs out when it stops', { skip }, async (t) => {
  const world = await counted(t)
  t.equal((await world.replace()).state, 'live')
  await world.stop()
  for (const end = performance.now() + 5_000; performance.now() < end;) {
    if (world.signOuts() >= world.signIns()) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.equal(world.signOuts(), world.signIns())
})

t.test(
  'a session that breaks between two calls is replaced by a new one, and nobody waits',
  { skip },
  async (t) => {
    const world = await counted(t)
    const cuts: string[] = []
    for (const moment of ['event issuing', 'deployment deploying', 'deployment verifying']) {
      world.happens.set(moment, () => {
        cuts.push(moment)
        world.at.host.cable.cut()
      })
    }
    const before = world.signIns()
    const event = await world.replace()
    t.equal(event.state, 'live', event.why)
    t.same(cuts, ['event issuing', 'deployment deploying', 'deployment verifying'])
    t.equal(world.signIns() - before, 4)
    t.same(
      world.store.eventHistory.of(event.id).filter(({ why }) => /broke|not reached|tried again/.test(why)),
      []
    )
    await world.stop()
  }
)
