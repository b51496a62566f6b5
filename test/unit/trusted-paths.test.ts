import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { localFiles } from '../../connectors/shared/local-files.ts'
import { openLocalHost } from '../../connectors/shared/local-host.ts'
import { TrustedPaths } from '../../connectors/shared/trusted-paths.ts'
import { systemClock } from '../../core/clock.ts'
import { temporaryFolder } from '../peers/process.ts'

const host = openLocalHost(systemClock).with(new AbortController().signal)
const looks = { host, files: localFiles(host) }
const skip = process.getuid?.() === 0 ? false : 'files are given away by root only'

/** `www-data` of Debian has a group of its own; `nobody` is the only account of `nogroup` */
const [webAccount, webGroup, nobody, nogroup] = [33, 33, 65_534, 65_534]

/** A closed folder; gives a way to ask of a path below it. */
function world(t: Test, trusted: readonly number[] = [0]) {
  const { path: folder, remove } = temporaryFolder()
  t.teardown(remove)
  const at = (name: string) => join(folder, name)
  return {
    at,
    folder: (name: string, mode: number, [uid, gid] = [0, 0] as readonly [number, number]) => {
      mkdirSync(at(name), { recursive: true })
      chownSync(at(name), uid, gid)
      chmodSync(at(name), mode)
    },
    file: (name: string, mode: number, [uid, gid] = [0, 0] as readonly [number, number]) => {
      writeFileSync(at(name), '')
      chownSync(at(name), uid, gid)
      chmodSync(at(name), mode)
    },
    // what is seen is remembered: each question is asked of its own
    why: (name: string) => new TrustedPaths(looks, trusted).exposure(`${folder}/${name}`),
    whyFolder: (name: string) => new TrustedPaths(looks, trusted).folderExposure(`${folder}/${name}`),
    whyEntry: (name: string) => new TrustedPaths(looks, trusted).entryExposure(`${folder}/${name}`)
  }
}

t.test('a path is closed when nobody else can write on the way to it', { skip }, async (t) => {
  const { at, folder, file, why } = world(t)
  folder('a', 0o755)
  folder('a/b', 0o755)
  file('a/b/f', 0o644)
  t.equal(await why('a/b/f'), null)
  t.equal(await why('a/b/missing'), null, 'nobody else can make it')
  t.equal(await why('a/missing/f'), null)
  t.equal(await why('a/b/f/below-a-file'), null)
  chmodSync(at('a/b/f'), 0o666)
  t.match(await why('a/b/f'), `every account can write to ${at('a/b/f')}: chmod o-w ${at('a/b/f')}`)
  chmodSync(at('a/b/f'), 0o644)
  chmodSync(at('a'), 0o757)
  for (const name of ['a/b/f', 'a/b/missing', 'a/missing/f']) t.match(await why(name), `chmod o-w ${at('a')}`)
  chmodSync(at('a'), 0o755)
  chownSync(at('a/b'), nobody, 0)
  t.match(await why('a/b/f'), `${at('a/b')} belongs to nobody: chown root ${at('a/b')}`)
  t.equal(await new TrustedPaths(looks, [0]).and([nobody]).exposure(at('a/b/f')), null, 'nobody is trusted')
})

t.test(
  'a step upwards leads out of the folder that a link leads to, as the system takes it',
  { skip },
  async (t) => {
    const { at, folder, file, why, whyFolder, whyEntry } = world(t)
    folder('app', 0o755)
    folder('home', 0o755)
    folder('home/other', 0o755, [nobody, nogroup])
    folder('home/other/release', 0o755)
    file('home/other/secret.key', 0o644)
    file('app/secret.key', 0o644)
    symlinkSync(at('home/other/release'), at('app/current'))
    symlinkSync('current/../secret.key', at('app/link'))
    const theirs = `${at('home/other')} belongs to nobody`
    for (const name of ['app/current/../secret.key', 'app/./current//../secret.key', 'app/link'])
      t.match(await why(name), theirs, name)
    t.match(await whyFolder('app/current/..'), theirs)
    t.match(await whyEntry('app/current/../secret.key'), theirs)
    t.equal(await why('home/../app/secret.key'), null)
    t.match(await why('home/other/../../app/secret.key'), theirs, 'what is on the way counts')
    t.equal(await why('../../../../../../..'), null, 'nothing is above the root')
  }
)

t.test('a group counts by who is in it', { skip }, async (t) => {
  const { at, folder, why } = world(t)
  folder('g', 0o775, [0, webGroup])
  t.match(await why('g/f'), `group www-data can make and replace files in ${at('g')}: chmod g-w ${at('g')}`)
  t.equal(
    await new TrustedPaths(looks, [0, webAccount]).exposure(at('g/f')),
    null,
    'its only account is trusted'
  )
  folder('g', 0o775, [0, 42_424])
  t.match(await why('g/f'), 'group 42424', 'a group of which nothing is known here')
  folder('g', 0o775, [0, 0])
  t.equal(await new TrustedPaths(looks, [0]).exposure(at('g')).then(Boolean), false, 'the group of root')
  folder('g', 0o750, [0, webGroup])
  t.equal(await why('g/f'), null, 'a group that only reads, as ssl-cert does')
})

t.test('an ACL may let others write where the group lets nobody', { skip }, async (t) => {
  const { at, folder, why } = world(t)
  folder('acl', 0o775)
  t.equal(await why('acl/f'), null)
  // acl(5) in its form as an extended attribute: version 2, then tag, rights and id of user, nobody, group, mask, others
  const entries = [
    [1, 7, -1],
    [2, 7, nobody],
    [4, 5, -1],
    [16, 7, -1],
    [32, 5, -1]
  ] as const
  const bytes = Buffer.alloc(4 + 8 * entries.length)
  bytes.writeUInt32LE(2)
  for (const [nth, [tag, rights, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * nth)
    bytes.writeUInt16LE(rights, 6 + 8 * nth)
    bytes.writeInt32LE(id, 8 + 8 * nth)
  }
  const setting =
    'import os, sys; os.setxattr(sys.argv[1], "system.posix_acl_access", bytes.fromhex(sys.argv[2]))'
  const ran = spawnSync('python3', ['-c', setting, at('acl'), bytes.toString('hex')])
  if (ran.status !== 0) {
    t.comment(`no ACL can be set here: ${String(ran.stderr)}`)
    return
  }
  t.match(await why('acl/f'), /whoever its ACL names \(getfacl\) can make and replace files in/)
})

t.test('in a folder like /tmp an entry of a trusted account stays what it is', { skip }, async (t) => {
  const { at, folder, file, why, whyFolder, whyEntry } = world(t)
  folder('tmp', 0o1777)
  folder('tmp/own', 0o755)
  folder('tmp/theirs', 0o755, [nobody, nobody])
  file('tmp/socket', 0o666)
  t.equal(await why('tmp/own/f'), null)
  t.match(await why('tmp/theirs/f'), /theirs belongs to nobody/)
  t.match(await why('tmp/missing'), /missing is not there, and everybody can make files/)
  t.equal(await why('tmp'), null)
  t.match(await whyFolder('tmp'), `chmod o-w ${at('tmp')}`)
  t.equal(await whyFolder('tmp/own'), null)
  t.equal(await whyEntry('tmp/socket'), null, 'who may write to a socket is not asked')
  chownSync(at('tmp/socket'), nobody, 0)
  t.match(await whyEntry('tmp/socket'), /not made by a trusted account/)
  chownSync(at('tmp'), nobody, 0)
  t.match(await why('tmp/own/f'), /tmp belongs to nobody/, 'its owner can take away what others made')
})

t.test('links are followed, and each way is looked at', { skip }, async (t) => {
  const { at, folder, file, why } = world(t)
  folder('closed', 0o755)
  folder('open', 0o777)
  file('closed/f', 0o644)
  file('open/f', 0o644)
  symlinkSync('closed', at('link'))
  symlinkSync('../open/f', at('closed/out'))
  symlinkSync(at('loop-b'), at('loop-a'))
  symlinkSync('loop-a', at('loop-b'))
  folder('tmp', 0o1777)
  symlinkSync('../closed/f', at('tmp/link'))
  t.equal(await why('link/f'), null)
  t.match(await why('link/out'), `chmod o-w ${at('open')}`)
  t.match(await why('closed/out'), `chmod o-w ${at('open')}`)
  t.match(await why('loop-a'), /too many links/)
  t.equal(await why('tmp/link'), null, 'a link of root')
})
