import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  cpSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Secret } from '../../core/secret.ts'
import { approveEvent, liftBar, retryEvent } from '../../sensor/automation/requests.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { pemOf } from '../peers/certificates.ts'
import { atDeath, quoted } from '../peers/guard.ts'
import { keyBeside } from '../peers/hosts/files.ts'
import { hostMissing, programNames, type ProgramName } from '../peers/hosts/host.ts'
import { reloadByOthers } from '../peers/hosts/reload.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { skipFor } from '../peers/process.ts'
import { drive } from './engine-world.ts'
import { type EngineHost, shownInBoth, shownOnce } from './hosted-engine-world.ts'
import { engineAndHost, type World, type WorldWish } from './web-hosts-engine-world.ts'
import { leaf } from './web-hosts-world.ts'

const missing = hostMissing(programNames)
const skip = skipFor(missing)

/** The host is as it was: files, keys, and what clients see. */
async function untouched(t: Test, { at }: World, before: string): Promise<void> {
  t.equal(at.state(), before, 'the host is as before')
  t.same(await shownOnce(at.program, at.old), at.old, 'the old certificate is served')
  t.same(await shownInBoth(at.program), [...at.old, ...at.old])
}

async function live(t: Test, { at, store, bought }: World, event: EventRow): Promise<void> {
  t.equal(event.state, 'cleaned', event.why)
  const wanted = [store.orders.of(event.id)[0]?.fingerprint ?? '', at.old[1] ?? '']
  t.same(await shownOnce(at.program, wanted), wanted, 'the new certificate is served')
  t.equal(at.keys().length, 2, 'one key for each site')
  t.equal(bought(), 1)
}

t.test(
  'a login that is refused is tried once, and again when a person has corrected it',
  { skip },
  async (t) => {
    const stranger = join(directoryFor(t), 'stranger')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', stranger])
    let key: string | undefined = stranger
    const world = await engineAndHost(t, {
      change: {
        credentials: async () => (field) =>
          field === 'key'
            ? new Secret(readFileSync(key ?? join(world.at.host.folder, 'ssh/client'), 'utf8'))
            : undefined
      }
    })
    const connections = world.at.host.cable.connections()
    const before = world.at.state()
    const event = await world.until(world.request())
    t.equal(event.state, 'failed')
    t.match(
      world.history(event).join('\n'),
      /refuses the sign-in .* It is not tried again by itself.*nothing was written/
    )
    t.equal(world.at.host.cable.connections() - connections, 1, 'one try')
    t.equal(world.bought(), 0)
    await untouched(t, world, before)
    const [{ id } = { id: 0 }] = world.store.devices.list()
    key = undefined
    world.store.devices.setBarred(id, null)
    await live(t, world, await world.until(retryEvent(world.engine.context, event.id, 'alice')))
  }
)

t.test(
  'a login that is taken away half-way leaves one pair, waits for a check of the device, and goes on after it',
  { skip },
  async (t) => {
    let key = ''
    const world = await engineAndHost(t, {
      change: {
        credentials: async () => (field) =>
          field === 'key'
            ? new Secret(readFileSync(key || join(world.at.host.folder, 'ssh/client'), 'utf8'))
            : undefined
      }
    })
    const stranger = join(directoryFor(t), 'stranger')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', stranger])
    world.happens.set('done switch', () => {
      key = stranger
      world.at.host.cable.cut()
    })
    const event = await world.until(world.request())
    const why =
      /it waits for a clean tlsward device check edge, or .*: the sign-in was refused .*refuses the sign-in/
    t.match(event, { state: 'deploying', open: 1, wake: null, why })
    t.match(world.store.deployments.of(event.id), [{ state: 'deploying', wake: null, why }])
    await reloadByOthers(world.at.program)
    const fresh = world.store.orders.of(event.id)[0]?.fingerprint ?? ''
    t.same(await shownOnce(world.at.program, [fresh, world.at.old[1] ?? '']), [fresh, world.at.old[1]])
    key = ''
    const [{ id } = { id: 0 }] = world.store.devices.list()
    world.store.durable(() => liftBar(world.engine.context, id))
    await live(t, world, await world.until(event))
  }
)

t.test('a host that cannot be reached is waited for', { skip }, async (t) => {
  const world = await engineAndHost(t, {})
  const before = world.at.state()
  world.at.host.cable.refuse('refuse')
  const event = await world.until(world.request(), '', 3)
  t.match(event, { state: 'requested', open: 1, why: /127\.0\.0\.1:\d+/ })
  t.ok((event.wake ?? 0) > 0, 'it is tried again')
  t.equal(world.bought(), 0)
  await untouched(t, world, before)
  world.at.host.cable.refuse('mend')
  await live(t, world, await world.until(event))
})

t.test(
  'a host that is gone for too long in the middle gets its old certificate back',
  { skip },
  async (t) => {
    const world = await engineAndHost(t, {})
    const before = world.at.state()
    world.happens.set('done switch', () => {
      world.at.host.cable.refuse('refuse')
      world.at.host.cable.cut()
    })
    world.happens.set('deployment rolling-back', () => world.at.host.cable.refuse('mend'))
    const event = await world.until(world.request())
    t.equal(event.state, 'rolled-back', event.why)
    t.match(world.history(event).join('\n'), /deploying: .*127\.0\.0\.1.*\n(.*\n)*rolling-back: /)
    await untouched(t, world, before)
  }
)

t.test('a host that shows another key is not signed in to', { skip }, async (t) => {
  const world = await engineAndHost(t, {})
  const before = world.at.state()
  const [{ id } = { id: 0 }] = world.store.devices.list()
  const pins = world.store.devices.pins(id)
  world.store.devices.setPins(
    id,
    pins.map((pin) => ({ ...pin, fingerprint: `SHA256:${'A'.repeat(43)}` }))
  )
  const event = await world.until(world.request())
  t.equal(event.state, 'failed')
  t.match(world.history(event).join('\n'), /shows another host key than the one that was accepted/)
  t.notMatch(world.at.host.sshd.log(), /Accepted publickey/)
  await untouched(t, world, before)
  world.store.devices.setPins(id, pins)
  await live(t, world, await world.until(retryEvent(world.engine.context, event.id, 'alice')))
})

/** a host whose login owns the files and has these lines in sudoers */
function ownedBy(sudoers: readonly string[]): WorldWish {
  return { host: { login: { sudoers } }, settings: { sudo: 'commands' } }
}

/** gives the login what lies in the folders of the program */
function giveFiles({ program }: EngineHost): void {
  for (const folder of program.folders) {
    for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
      chownSync(path, 4242, 4242)
  }
}

t.test('a right of sudo that is missing stops the plan and names the line', { skip }, async (t) => {
  const world = await engineAndHost(t, ownedBy([]))
  giveFiles(world.at)
  const before = world.at.state()
  const event = await world.until(world.request())
  t.equal(event.state, 'failed')
  t.match(world.history(event).join('\n'), /Add to sudoers: deploy ALL=\(root\) NOPASSWD: .*nginx/)
  await untouched(t, world, before)
})

t.test('a right of sudo that is taken away half-way is undone without it', { skip }, async (t) => {
  const world = await engineAndHost(t, ownedBy(['%u ALL=(root) NOPASSWD: ALL']))
  giveFiles(world.at)
  const before = world.at.state()
  world.happens.set('done switch', () =>
    writeFileSync(join(world.at.host.folder, 'ssh/sudoers'), 'Defaults env_reset\n')
  )
  const event = await world.until(world.request())
  t.equal(event.state, 'rolled-back', event.why)
  t.match(event.why, /sudo does not run .*Add to sudoers: /)
  await untouched(t, world, before)
})

/** puts the certificates of a host on a disk of their own; fills it, or frees it */
async function smallDisk(t: Test, { program }: EngineHost) {
  const [folder = ''] = program.folders
  const copy = `${folder}-copy`
  cpSync(folder, copy, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=755', 'small', folder])
  // also when this process is killed
  const takeBack = atDeath('first', `umount -l ${quoted(folder)}`)
  t.teardown(() => {
    spawnSync('umount', ['-l', folder])
    takeBack()
  })
  cpSync(copy, folder, { recursive: true })
  rmSync(copy, { recursive: true })
  await reloadByOthers(program)
  const ballast = join(folder, '..', 'tls', '.ballast')
  return {
    fill() {
      const { bavail, bsize } = statfsSync(folder)
      writeFileSync(ballast, Buffer.alloc(bavail * bsize))
    },
    free: () => rmSync(ballast)
  }
}

t.test('a disk that is full on the host is waited for', { skip }, async (t) => {
  const world = await engineAndHost(t, {})
  const disk = await smallDisk(t, world.at)
  const before = world.at.state()
  disk.fill()
  const event = await world.until(world.request(), '', 3)
  t.match(event, { state: 'requested', open: 1, why: /has less than 1 MiB of free space/ })
  disk.free()
  await untouched(t, world, before)
  await live(t, world, await world.until(event))
})

t.test('a disk that fills up in the middle is waited for, and then given up', { skip }, async (t) => {
  const world = await engineAndHost(t, {})
  const disk = await smallDisk(t, world.at)
  const before = world.at.state()
  world.happens.set('deployment deploying', () => disk.fill())
  const event = world.request()
  await world.until(event, 'deploying')
  await drive(world, () => false, { most: 3 })
  const [of] = world.store.deployments.of(event.id)
  t.match(of, { state: 'deploying', why: /no space|full/i })
  t.same(await shownInBoth(world.at.program), [...world.at.old, ...world.at.old])
  await world.until(event)
  disk.free()
  const over = await world.until(event)
  t.equal(over.state, 'rolled-back', over.why)
  await untouched(t, world, before)
})

t.test('a configuration that somebody else has broken is left alone', { skip }, async (t) => {
  const world = await engineAndHost(t, {})
  const before = world.at.state()
  const { config } = world.at.program
  const good = readFileSync(config, 'utf8')
  appendFileSync(config, 'no_such_directive on;\n')
  const event = await world.until(world.request())
  t.equal(event.state, 'failed')
  t.match(world.history(event).join('\n'), /is broken as it stands: .*no_such_directive.*nothing was written/)
  t.equal(world.bought(), 0)
  writeFileSync(config, good)
  await untouched(t, world, before)
  await live(t, world, await world.until(retryEvent(world.engine.context, event.id, 'alice')))
})

/** a colleague's edit that passes every test, and that the program cannot bind */
const reloads: readonly (WorldWish & {
  readonly program: ProgramName
  readonly edit: (config: string, port: number) => string
})[] = [
  {
    program: 'nginx',
    edit: (config, port) => config.replace('http {', `http {\n  server { listen 127.0.0.1:${port}; }`)
  },
  { program: 'apache', edit: (config, port) => `Listen 127.0.0.1:${port}\n${config}` },
  {
    program: 'haproxy',
    settings: { haproxySwitch: 'reload' },
    edit: (config, port) =>
      `${config}frontend theirs\n  bind 127.0.0.1:${port}\n  http-request return status 200\n`
  }
]

for (const { edit, ...wish } of reloads) {
  t.test(
    `${wish.program}: a reload that fails is undone, and the old certificate is served`,
    { skip },
    async (t) => {
      const world = await engineAndHost(t, wish)
      const before = world.at.state()
      const taken = createServer()
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
      t.teardown(() => void taken.close())
      const address = taken.address()
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0
      const { config } = world.at.program
      const good = readFileSync(config, 'utf8')
      world.happens.set('done test', () => writeFileSync(config, edit(good, port)))
      world.happens.set('deployment rolling-back', () => writeFileSync(config, good))
      const event = await world.until(world.request())
      t.equal(event.state, 'rolled-back', event.why)
      t.match(event.why, /old workers|does not run|ended with|reload/)
      await untouched(t, world, before)
    }
  )
}

/** somebody's own renewal, by rename; gives what then must be shown */
function renewByHand(path: string): string {
  const fresh = leaf('a.test')
  for (const [file, text] of [
    [path, pemOf(fresh.chain)],
    [keyBeside(path), fresh.keyPem]
  ] as const) {
    writeFileSync(`${file}.theirs`, text, { mode: 0o600 })
    renameSync(`${file}.theirs`, file)
  }
  return fresh.fingerprint
}

t.test('a target that changed after the approval is planned and approved again', { skip }, async (t) => {
  const world = await engineAndHost(t, { profile: { approval: 'needed' } })
  const first = await world.until(world.request(), 'needs-approval')
  world.happens.set('event issuing', () => void renewByHand(world.at.path))
  approveEvent(world.engine.context, { event: first.id, who: 'carol' }, first.hash ?? '')
  const second = await world.until(first, 'none')
  t.match(second, { state: 'needs-approval', why: /somebody must approve the plan/ })
  t.not(second.hash, first.hash)
  t.match(
    world.history(second).join('\n'),
    /previewed: .* changed: the plan is now .*, and must be approved again/
  )
  approveEvent(world.engine.context, { event: first.id, who: 'carol' }, second.hash ?? '')
  await live(t, world, await world.until(second))
})

t.test('a target that changes at the last moment keeps what it was given', { skip }, async (t) => {
  const world = await engineAndHost(t, {})
  let theirs = ''
  let after = ''
  world.happens.set('deployment deploying', () => {
    theirs = renewByHand(world.at.path)
    after = world.at.state()
  })
  const event = await world.until(world.request())
  t.equal(event.state, 'rolled-back', event.why)
  t.match(event.why, /changed since the plan .* was made/)
  t.equal(world.at.state(), after, 'nothing was written')
  await reloadByOthers(world.at.program)
  const wanted = [theirs, world.at.old[1] ?? '']
  t.same(await shownOnce(world.at.program, wanted), wanted)
})
