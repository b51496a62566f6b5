import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from './ports.ts'
import { accepting, isInstalled, run, type Running, startProcess, temporaryFolder } from './process.ts'

/** A key of the server: name, algorithm, base64. */
export interface BindKey {
  readonly name: string
  readonly algorithm: string
  readonly secret: string
}

/** A zone that takes updates. */
export interface BindZone {
  readonly name: string
  /** lines of its update-policy, such as `grant key zonesub TXT` */
  readonly policy: readonly string[]
  /** records in the form of a zone file */
  readonly records?: string
}

/** BIND, the primary of some zones. */
export interface Bind {
  readonly host: string
  readonly port: number
  /** values of the TXT records of a name, sorted, as dig sees them */
  readonly txt: (name: string) => Promise<string[]>
  readonly stop: () => Promise<void>
}

/** Why it cannot be started here, or undefined when it can. */
export function bindMissing(): string | undefined {
  const missing = ['named', 'dig'].filter((program) => !isInstalled(program))
  return missing.length === 0 ? undefined : `BIND is not installed: ${missing.join(', ')}`
}

/** Starts it on a free port of the loopback. */
export async function startBind(keys: readonly BindKey[], zones: readonly BindZone[]): Promise<Bind> {
  const host = '127.0.0.1'
  const port = await freePort(host)
  const folder = temporaryFolder()
  mkdirSync(join(folder.path, 'zones'))
  for (const { name, records = '' } of zones) {
    writeFileSync(join(folder.path, 'zones', name), `${zoneHead}${records}\n`)
  }
  const config = join(folder.path, 'named.conf')
  writeFileSync(config, configuration({ folder: folder.path, port, keys, zones }))
  const running = startProcess({ program: 'named', args: ['-g', '-4', '-c', config] })
  const stop = async () => {
    await running.stop()
    folder.remove()
  }
  try {
    await accepting(host, port, running)
    await loaded(running)
  } catch (error) {
    await stop()
    throw error
  }
  return { host, port, stop, txt: (name) => digTxt(name, host, port, folder.path) }
}

async function loaded(running: Running): Promise<void> {
  for (const end = performance.now() + 10_000; !running.output().includes('all zones loaded');) {
    if (performance.now() > end) throw new Error(`named loads no zones:\n${running.output()}`)
    await pause(10)
  }
}

const zoneHead = '$TTL 60\n@ IN SOA ns.test. hostmaster.test. 1 60 60 600 60\n@ IN NS ns.test.\n'

function configuration({
  folder,
  port,
  keys,
  zones
}: {
  readonly folder: string
  readonly port: number
  readonly keys: readonly BindKey[]
  readonly zones: readonly BindZone[]
}): string {
  return `options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  notify no;
  dnssec-validation no;
  empty-zones-enable no;
};
controls {};
${keys.map((key) => `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };`).join('\n')}
${zones
  .map(
    ({ name, policy }) => `zone "${name}" {
  type primary;
  file "zones/${name}";
  update-policy { ${policy.map((line) => `${line};`).join(' ')} };
};`
  )
  .join('\n')}
`
}

async function digTxt(name: string, host: string, port: number, folder: string): Promise<string[]> {
  const file = join(folder, 'dig.out')
  await run('sh', ['-c', `dig +tcp +short +tries=1 @${host} -p ${port} '${name}' TXT > ${file}`])
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replaceAll('"', ''))
    .sort()
}
