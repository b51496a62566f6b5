import t, { type Test } from 'tap'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import { hostMissing } from '../peers/hosts/host.ts'
import type { LoggedRequest } from '../simulators/f5-bigip/request-log.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { skipFor } from '../peers/process.ts'
import { openBigIpSite } from './f5-bigip-engine-world.ts'
import { makeHostedSite, openHostedSite, requestRenewal, startEngineHost } from './hosted-engine-world.ts'

const missing = hostMissing(['nginx'])
const skip = skipFor(missing)

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
const mostCommands = { first: 22, second: 17 } as const

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

/** What a BIG-IP is asked, by method and path; whatever is not here is told as it stands. */
const calls: readonly (readonly [string, RegExp])[] = [
  ['sign in', /^POST \/shared\/authn\/login /],
  ['shorten the life of the token', /^PATCH \/shared\/authz\/tokens\//],
  ['sign out', /^DELETE \/shared\/authz\/tokens\//],
  ['role', /^GET \/tm\/cm\/device$/],
  ['list profiles', /^GET \/tm\/ltm\/profile\/client-ssl$/],
  ['list virtual servers', /^GET \/tm\/ltm\/virtual$/],
  ['list certificates', /^GET \/tm\/sys\/file\/ssl-cert$/],
  ['list keys', /^GET \/tm\/sys\/file\/ssl-key$/],
  ['right to remove uploads', /^POST \/tm\/util\/unix-rm .*\/tlsward-check"/],
  ['remove the upload', /^POST \/tm\/util\/unix-rm .*\/tlsward-[0-9a-f]{16}"/],
  ['upload', /^POST \/shared\/file-transfer\/uploads\/tlsward-[0-9a-f]{16}$/],
  ['create the key', /^POST \/tm\/sys\/file\/ssl-key /],
  ['create the chain', /^POST \/tm\/sys\/file\/ssl-cert .*-chain\.crt"/],
  ['create the certificate', /^POST \/tm\/sys\/file\/ssl-cert /],
  ['show the profile', /^GET \/tm\/ltm\/profile\/client-ssl\/~/],
  ['bind', /^PATCH \/tm\/ltm\/profile\/client-ssl\/~/],
  ['save', /^POST \/tm\/sys\/config /]
]

function callOf({ method, path, body }: LoggedRequest): string {
  const [bare = ''] = path.split('?')
  const shown = `${method} ${bare.replace(/^\/mgmt/, '')}`
  const whole = body.startsWith('{') ? `${shown} ${body}` : shown
  return calls.find(([, is]) => is.test(whole))?.[0] ?? shown
}

const signIn = ['sign in', 'shorten the life of the token']
const reading = ['list profiles', 'list virtual servers', 'list certificates']
const looking = ['show the profile', 'list certificates']
const creating = [
  'upload',
  'create the key',
  'upload',
  'create the chain',
  'upload',
  'create the certificate'
]
const deploying = [...looking, ...creating, 'remove the upload', 'bind', 'save']
const ending = ['list keys', 'sign out']

t.test('a replacement on a BIG-IP takes these 23 requests, in its whole life', async (t) => {
  const world = await openBigIpSite(t, { count: 1, certificates: 'own' })
  const [event] = await world.over([world.request(world.sites)])
  await world.stop()
  t.equal(event?.state, 'cleaned', String(event?.why))
  const plan = ['role', ...reading, 'right to remove uploads', 'list keys']
  t.strictSame(world.unit.requests.map(callOf), [...signIn, ...plan, ...deploying, ...looking, ...ending])
  t.equal(world.unit.requests.length, 23)
})

t.test('it takes four more where the CA took its time, since the device is read anew', async (t) => {
  const world = await openBigIpSite(t, { count: 1, certificates: 'own' })
  world.happens.set('event issuing', () => (world.clock.skipped += 5_000))
  const [event] = await world.over([world.request(world.sites)])
  await world.stop()
  t.equal(event?.state, 'cleaned', String(event?.why))
  const plans = ['role', ...reading, 'right to remove uploads', 'list keys', 'role', ...reading]
  t.strictSame(world.unit.requests.map(callOf), [...signIn, ...plans, ...deploying, ...looking, ...ending])
})

/**
 * Of ten targets, each: the plan in front of the writes (role and 3 lists), deploy (9, or 4 where another target has
 * made the objects), what is read back (2), clean-up (1); once for all: sign-in and sign-out, the right, the keys, the chain. The
 * role is not asked again within three seconds; on most devices saving alone takes longer.
 */
const windows = [
  { what: 'one certificate in the place of one', certificates: 'shared', inARow: 113, slowly: 122 },
  { what: 'one certificate in the place of ten', certificates: 'own', inARow: 158, slowly: 167 }
] as const

for (const { what, certificates, ...most } of windows) {
  for (const pace of ['inARow', 'slowly'] as const) {
    t.test(`ten targets of a BIG-IP, ${what}: ${most[pace]} requests`, async (t) => {
      const world = await openBigIpSite(t, { count: 10, certificates })
      if (pace === 'slowly') {
        world.happens.set('deployment verifying', () => (world.clock.skipped += 5_000))
      }
      const [event] = await world.over([world.request(world.sites)])
      await world.stop()
      t.equal(event?.state, 'cleaned', String(event?.why))
      const made = world.unit.requests.map(callOf)
      const counts = [...Map.groupBy(made, (call) => call)].map(([call, all]) => `${call} ${all.length}`)
      t.comment(`table: ${counts.join(', ')}`)
      t.equal(made.length, most[pace])
      t.strictSame(
        made.filter((call) => /^[A-Z]+ \//.test(call)),
        [],
        'each has a name'
      )
      t.strictSame(world.unit.tokens, [])
      t.strictSame(world.unit.uploads, {})
    })
  }
}

t.test('more targets with one certificate than an event may be planned again are no trouble', async (t) => {
  const world = await openBigIpSite(t, { count: 14, certificates: 'shared' })
  const [event] = await world.over([world.request(world.sites)])
  await world.stop()
  t.equal(event?.state, 'cleaned', String(event?.why))
  t.equal(event?.replans, 0)
})
