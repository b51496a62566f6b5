import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pemOf } from '../certificates.ts'
import type { Family, ServedSite, Site } from './program.ts'

/** Writes text to a file of the program; keys are closed to others. Gives its path. */
export function writer(folder: string): (file: string, text: string, mode?: number) => string {
  return (file, text, mode = 0o644) => {
    const path = join(folder, file)
    writeFileSync(path, text, { mode })
    chmodSync(path, mode)
    return path
  }
}

/** Makes a folder below another one, open to every user. Gives its path. */
export function makeFolder(folder: string, name: string): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o755)
  return path
}

/** The stem of a site's files. */
export function stemOf({ names, files }: Site): string {
  return files ?? names[0] ?? 'site'
}

/** Gives each listener a port. */
export async function portsOf(
  sites: readonly Site[],
  freePort: () => Promise<number>
): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>()
  for (const { listener } of sites) if (!ports.has(listener)) ports.set(listener, await freePort())
  return ports
}

/** Writes each site's pairs as STEM.FAMILY.crt and .key (STEM.crt where there is one kind), and gives the sites. */
export function writePairs(
  folder: string,
  sites: readonly Site[],
  ports: ReadonlyMap<string, number>
): readonly ServedSite[] {
  const write = writer(folder)
  return sites.map((site) => {
    const families = Object.keys(site.pairs) as Family[]
    const certificates: Partial<Record<Family, string>> = {}
    for (const family of families) {
      const certificate = site.pairs[family]
      if (!certificate) continue
      const stem = families.length === 1 ? stemOf(site) : `${stemOf(site)}.${family}`
      certificates[family] = write(`${stem}.crt`, pemOf(certificate.chain))
      write(`${stem}.key`, certificate.keyPem, 0o600)
    }
    return { ...site, port: ports.get(site.listener) ?? 0, certificates }
  })
}

/** The key that stands beside a certificate file. */
export function keyBeside(certificate: string): string {
  return certificate.replace(/\.crt$/, '.key')
}

/** The process id in a file, once it is written: some programs accept connections before; rejects after ten seconds. */
export async function pidIn(file: string): Promise<number> {
  for (const end = performance.now() + 10_000; ; await pause(5)) {
    const pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN
    if (pid > 0) return pid
    if (performance.now() > end) throw new Error(`${file} holds no process id`)
  }
}

/** Process ids of the children of a process, in order. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.trim().split(/\s+/).filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Every process whose command line passes the test. */
export function processes(test: (argv: readonly string[]) => boolean): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'))
      } catch {
        return false
      }
    })
}
