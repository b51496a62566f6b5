import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { HostFiles } from '../../connectors/shared/files.ts'
import {
  adopt,
  type Layout,
  type Part,
  stage,
  type Staged,
  switchTo,
  unadopt,
  unstage
} from '../../connectors/shared/generations.ts'
import { localFiles } from '../../connectors/shared/local-files.ts'
import { openLocalHost } from '../../connectors/shared/local-host.ts'
import { systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import { temporaryFolder } from '../peers/process.ts'

const files = localFiles(openLocalHost(systemClock).with(new AbortController().signal))
const writing = [
  'write',
  'makeDirectory',
  'makeLink',
  'makeHardLink',
  'rename',
  'remove',
  'removeDirectory'
] as const

/** Files whose connection breaks in front of act `at`, or right behind it. */
function breaking(at: number, where: 'before' | 'after'): HostFiles {
  let acts = 0
  const wrapped = Object.fromEntries(
    writing.map((name) => [
      name,
      async (...args: readonly never[]) => {
        acts++
        if (acts === at && where === 'before') throw new Error('cut')
        const act: (...args: readonly never[]) => Promise<void> = files[name]
        await act(...args)
        if (acts === at) throw new Error('cut')
      }
    ])
  )
  return { ...files, ...wrapped }
}

const owned = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }

interface Site {
  readonly folder: string
  readonly layout: Layout
  readonly parts: readonly Part[]
  readonly staged: readonly Staged[]
}

/** A certificate and a key as plain files; the certificate by a link of somebody's habit where it is asked for. */
async function siteOf(t: Test, form: 'files' | 'link'): Promise<Site> {
  const { path: folder, remove } = temporaryFolder()
  t.teardown(remove)
  mkdirSync(`${folder}/tls`)
  const paths = { cert: `${folder}/tls/a.crt`, key: `${folder}/tls/a.key` }
  writeFileSync(form === 'link' ? `${folder}/tls/a-2025.crt` : paths.cert, 'old cert', { mode: 0o600 })
  if (form === 'link') symlinkSync('a-2025.crt', paths.cert)
  writeFileSync(paths.key, 'old key', { mode: 0o600 })
  const site = `${folder}/tls/.tlsward/a.crt`
  const part = async (name: 'cert' | 'key'): Promise<Part> => ({
    path: paths[name],
    name: `0.${name}`,
    before: form === 'link' && name === 'cert' ? { kind: 'link', to: 'a-2025.crt' } : { kind: 'file' },
    sha256: (await files.hash(paths[name])) ?? '',
    owned
  })
  const names = { old: 'g1-0011223344556677', next: 'g2-8899aabbccddeeff' }
  return {
    folder: `${folder}/tls`,
    layout: { site, ...names, existed: false, owned: { ...owned, mode: 0o755 } },
    parts: [await part('cert'), await part('key')],
    staged: (['cert', 'key'] as const).map((name) => ({
      name: `0.${name}`,
      owned,
      content: new Secret(`new ${name}`),
      labelOf: paths[name]
    }))
  }
}

async function there(on: HostFiles, { layout, parts, staged }: Site): Promise<void> {
  await adopt(on, layout, parts)
  await stage(on, layout, staged)
  await switchTo(on, layout.site, layout.next)
}

async function back(on: HostFiles, { layout, parts }: Site): Promise<void> {
  const { site, old, next } = layout
  if ((await on.readLink(`${site}/cur`)) === next) await switchTo(on, site, old)
  await unstage(on, layout)
  await unadopt(on, layout, parts)
}

function pairOf({ parts }: Site): string {
  return parts.map(({ path }) => readFileSync(path, 'utf8')).join(', ')
}

const pairs = ['old cert, old key', 'new cert, new key']

for (const form of ['files', 'link'] as const) {
  for (const where of ['before', 'after'] as const) {
    t.test(
      `cut ${where} every act on ${form}, the paths lead to a pair, and all can be undone or finished`,
      async (t) => {
        let acts = 0
        for (let isWhole = false; !isWhole; acts++) {
          const site = await siteOf(t, form)
          const start = snapshot([site.folder], 'content')
          isWhole = await there(breaking(acts + 1, where), site).then(
            () => true,
            () => false
          )
          if (!pairs.includes(pairOf(site))) t.fail(`act ${acts + 1} leaves ${pairOf(site)}`)
          // the undo is cut as well, at each act in turn
          for (let undone = false, at = 1; !undone; at++) {
            if (at > 1) await there(files, site)
            undone = await back(breaking(at, where), site).then(
              () => true,
              () => false
            )
            if (!pairs.includes(pairOf(site))) t.fail(`undo up to act ${at} leaves ${pairOf(site)}`)
            await back(files, site)
            if (snapshot([site.folder], 'content') !== start) t.fail(`undone after act ${acts + 1} and ${at}`)
            // one place of the way there is enough to try every place of the way back
            if (acts !== 7) break
          }
          await there(files, site)
          if (pairOf(site) !== pairs[1]) t.fail(`gone on after act ${acts + 1}: ${pairOf(site)}`)
        }
        t.ok(acts > 10, `${acts} acts`)
      }
    )
  }
}

t.test('what was written in part is written again, whole', async (t) => {
  const { path, remove } = temporaryFolder()
  t.teardown(remove)
  writeFileSync(`${path}/0.key`, 'new k', { mode: 0o600 })
  await files.write(`${path}/0.key`, new Secret('new key'), owned)
  t.equal(readFileSync(`${path}/0.key`, 'utf8'), 'new key')
  const before = snapshot([path], 'untouched')
  await files.write(`${path}/0.key`, new Secret('new key'), owned)
  t.equal(snapshot([path], 'untouched'), before, 'what is there already is left alone')
})
