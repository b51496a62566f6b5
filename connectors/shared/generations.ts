import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import type { HostFiles, Owned } from './files.ts'

/**
 * Where the certificates of a target lie so that all of them change at one moment:
 *
 *     D/.tlsward/SITE/g1-0011223344556677/0.cert 0.key
 *     D/.tlsward/SITE/g2-8899aabbccddeeff/0.cert 0.key
 *     D/.tlsward/SITE/cur -> g2-8899aabbccddeeff
 *     D/shop.crt -> .tlsward/SITE/cur/0.cert
 *     D/shop.key -> .tlsward/SITE/cur/0.key
 *
 * The switch is one rename over `cur`. A program that reads its files at any moment finds a certificate with its key.
 */
export interface Layout {
  /** directory of the site, absolute */
  readonly site: string
  /** generation that the target has now, or gets by adoption */
  readonly old: string
  /** generation that a deployment makes */
  readonly next: string
  /** the site was there before this deployment */
  readonly existed: boolean
  /** rights of the directories that are made */
  readonly owned: Owned
}

/** One file that a program is configured to read. */
export interface Part {
  /** as the program's system knows it, without symbolic links in its directory */
  readonly path: string
  /** its name in a generation */
  readonly name: string
  /** what stood at the path: a file, a link that we have not made, or our link already */
  readonly before:
    { readonly kind: 'file' } | { readonly kind: 'link'; readonly to: string } | { readonly kind: 'ours' }
  /** SHA-256 of the content that it had */
  readonly sha256: string
  readonly owned: Owned
}

/** Names of generations. */
export const generationName = /^g(\d+)-[0-9a-f]{16}(?:-[0-9a-f]{16})*$/

/** The site and name that a link of ours leads to, or undefined for another link. */
export async function ownLink(
  files: HostFiles,
  path: string,
  to: string
): Promise<{ readonly site: string; readonly name: string } | undefined> {
  const target = posix.resolve(posix.dirname(path), to)
  const [, site, name] = /^(.+)\/cur\/([^/]+)$/.exec(target) ?? []
  if (site === undefined || name === undefined) return undefined
  const current = await currentGeneration(files, site)
  return current === undefined ? undefined : { site, name }
}

/** The generation that is switched on, or undefined where there is none. */
export async function currentGeneration(files: HostFiles, site: string): Promise<string | undefined> {
  const to = await files.readLink(`${site}/cur`)
  return to !== undefined && generationName.test(to) ? to : undefined
}

/** When the generation was switched on, milliseconds by the host's clock. */
export async function switchedAt(files: HostFiles, site: string): Promise<number> {
  const [at = 0] = await files.mtimes([`${site}/cur`])
  return at
}

/** Generations of a site, oldest first. */
export async function generationsOf(files: HostFiles, site: string): Promise<string[]> {
  const names = (await files.list(site)) ?? []
  return names.filter((name) => generationName.test(name)).sort((a, b) => numberOf(a) - numberOf(b))
}

/** The number of a generation. */
export function numberOf(generation: string): number {
  return Number(generationName.exec(generation)?.[1] ?? 0)
}

/**
 * Makes links of the configured paths without changing what is behind them. After every single act each path leads
 * to the content that it had.
 */
export async function adopt(files: HostFiles, layout: Layout, parts: readonly Part[]): Promise<void> {
  const plain = parts.filter(({ before }) => before.kind !== 'ours')
  const { site, old, owned } = layout
  if (plain.length === 0) return
  const directory = `${site}/${old}`
  for (const path of [posix.dirname(site), site, directory]) await makeDirectory(files, path, owned)
  for (const part of plain) await keep(files, part, `${directory}/${part.name}`)
  if (!(await isTaken(files, layout, parts))) await switchTo(files, site, old)
  await files.sync([directory, site])
  for (const part of plain) {
    if (await leadsHere(files, layout, part)) continue
    const link = posix.relative(posix.dirname(part.path), `${site}/cur/${part.name}`)
    await replace(files, part.path, (beside) => files.makeLink(beside, link))
  }
  await files.sync(directoriesOf(plain))
}

/** Puts the files back as they were, and removes the site if it was not there before. */
export async function unadopt(files: HostFiles, layout: Layout, parts: readonly Part[]): Promise<void> {
  const plain = parts.filter(({ before }) => before.kind !== 'ours')
  const { site, old, existed } = layout
  for (const part of plain) {
    const { before } = part
    const kept = `${site}/${old}/${part.name}`
    if (await leadsHere(files, layout, part)) {
      await replace(files, part.path, (beside) =>
        before.kind === 'link' ? files.makeLink(beside, before.to) : files.makeHardLink(beside, kept)
      )
    }
  }
  await files.sync(directoriesOf(plain))
  for (const { path, name } of plain) {
    await files.remove(besideOf(path))
    await files.remove(`${site}/${old}/${name}`)
  }
  if (plain.length === 0 || existed) return
  if ((await files.readLink(`${site}/cur`)) === old) await files.remove(`${site}/cur`)
  for (const path of [`${site}/${old}`, site, posix.dirname(site)]) {
    await files.removeDirectory(besideOf(path))
    await files.removeDirectory(path)
  }
}

/** A file of the next generation: written new, or the same as in the old one. */
export interface Staged {
  readonly name: string
  readonly owned: Owned
  readonly content: Secret | 'as before'
  /** a file whose SELinux label it gets */
  readonly labelOf: string
}

/** Makes the next generation; nothing refers to it yet. */
export async function stage(files: HostFiles, layout: Layout, staged: readonly Staged[]): Promise<void> {
  const { site, old, next } = layout
  const directory = `${site}/${next}`
  await makeDirectory(files, directory, layout.owned)
  for (const { name, owned, content, labelOf } of staged) {
    const path = `${directory}/${name}`
    if (content !== 'as before') await files.write(path, content, owned)
    else if (!(await files.stat(path))) await files.makeHardLink(path, `${site}/${old}/${name}`)
    await files.copyLabel(labelOf, path)
  }
  await files.sync([directory])
}

/** Removes the next generation, unless it is switched on. */
export async function unstage(files: HostFiles, { site, next }: Layout): Promise<void> {
  if ((await currentGeneration(files, site)) === next) {
    throw new Fault('device-changed', `${site}/cur leads to ${next}, which was to be removed.`, { site })
  }
  // left by a connection that broke in front of the rename
  await files.remove(besideOf(`${site}/cur`))
  await files.removeDirectory(besideOf(`${site}/${next}`))
  await removeGeneration(files, site, next)
}

/** Removes a generation with its files. */
export async function removeGeneration(files: HostFiles, site: string, generation: string): Promise<void> {
  const directory = `${site}/${generation}`
  for (const name of (await files.list(directory)) ?? []) await files.remove(`${directory}/${name}`)
  await files.removeDirectory(directory)
}

/** Switches to a generation: one rename. */
export async function switchTo(files: HostFiles, site: string, generation: string): Promise<void> {
  if ((await files.readLink(`${site}/cur`)) === generation) return
  await replace(files, `${site}/cur`, (beside) => files.makeLink(beside, generation))
  await files.sync([site])
}

/** Does any of the paths lead to the site already? Then its `cur` is in use. */
export async function isTaken(files: HostFiles, layout: Layout, parts: readonly Part[]): Promise<boolean> {
  for (const part of parts) if (await leadsHere(files, layout, part)) return true
  return false
}

async function leadsHere(files: HostFiles, { site }: Layout, { path, name }: Part): Promise<boolean> {
  const to = await files.readLink(path)
  return to !== undefined && posix.resolve(posix.dirname(path), to) === `${site}/cur/${name}`
}

/** A directory that has its rights from the first moment on: who may read through it must not find it closed. */
async function makeDirectory(files: HostFiles, path: string, owned: Owned): Promise<void> {
  if ((await files.stat(path))?.kind === 'directory') return
  await files.makeDirectory(besideOf(path), owned)
  await files.rename(besideOf(path), path)
}

function directoriesOf(parts: readonly Part[]): string[] {
  return [...new Set(parts.map(({ path }) => posix.dirname(path)))]
}

/** a name that HAProxy passes over when it loads a directory */
function besideOf(path: string): string {
  return posix.join(posix.dirname(path), `.${posix.basename(path)}.tlsward`)
}

async function replace(
  files: HostFiles,
  path: string,
  make: (beside: string) => Promise<void>
): Promise<void> {
  const beside = besideOf(path)
  // left by a connection that broke between both acts
  await files.remove(beside)
  await make(beside)
  await files.rename(beside, path)
}

/** The same file under another name; where that cannot be (other file system, protected_hardlinks), a copy. */
async function keep(files: HostFiles, part: Part, kept: string): Promise<void> {
  if ((await files.hash(kept)) === part.sha256) return
  const real = await files.realPath(part.path)
  if (real === undefined) throw gone(part.path)
  await files.remove(kept)
  try {
    await files.makeHardLink(kept, real)
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code === 'device-unreachable') throw thrown
    const content = await files.read(real)
    if (!content) throw gone(part.path)
    await files.write(kept, new Secret(content.toString()), part.owned)
  }
  await files.copyLabel(real, kept)
  if ((await files.hash(kept)) !== part.sha256) {
    await files.remove(kept)
    throw new Fault('device-changed', `${part.path} changed since the plan was made.`, { path: part.path })
  }
}

function gone(path: string): Fault {
  return new Fault('device-changed', `${path} is gone since the plan was made.`, { path })
}
