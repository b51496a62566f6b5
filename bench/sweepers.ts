import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './context.ts'
import type { Contender } from './measure.ts'
import { measured } from './native.ts'
import { find, pinned } from './process.ts'
import { space, type SilentSpace } from './silent-space.ts'

/** A port scanner of Debian: its command lines, each a shell script that prints a line per open pair. */
interface Sweeper {
  readonly name: string
  readonly program: string
  readonly script: (silence: SilentSpace, emptyFile: string) => string
  /** number of open pairs that its output tells */
  readonly finds: (output: string) => number
}

/** Names of those that have a goal. */
export const sweeperNames = {
  nmap: 'nmap -sS -T5 --min-rate 30000 --max-retries 1',
  masscan: 'masscan --rate 100k --wait 1',
  masscanTwice: 'masscan --rate 100k --wait 1 --retries 1'
} as const

const nmap = ({ ports }: SilentSpace) =>
  `-T5 --min-rate 30000 --max-retries 1 -Pn -n -oG - -p ${ports.join(',')} ${space.network}`
const masscan = ({ gatewayMac, ports }: SilentSpace) =>
  `masscan --adapter ${space.device} --adapter-ip ${space.source} --router-mac ${gatewayMac} ` +
  `--rate 100000 --wait 1 -oL - -p${ports.join(',')} ${space.network}`
const zmap =
  ({ gatewayMac }: SilentSpace, emptyFile: string) =>
  (port: number) =>
    `zmap -C ${emptyFile} -b ${emptyFile} -q -v 0 -p ${port} -r 100000 -c 1 -i ${space.device} ` +
    `-S ${space.source} -G ${gatewayMac} -o - ${space.network}`

const sweepers: readonly Sweeper[] = [
  {
    name: sweeperNames.nmap,
    program: 'nmap',
    script: (silence) => `nmap -sS ${nmap(silence)}`,
    finds: (text) => count(text, /\/open\//g)
  },
  {
    name: 'nmap -sT, same',
    program: 'nmap',
    script: (silence) => `nmap -sT ${nmap(silence)}`,
    finds: (text) => count(text, /\/open\//g)
  },
  {
    name: sweeperNames.masscan,
    program: 'masscan',
    script: masscan,
    finds: (text) => distinct(text, /^open tcp \d+ \S+/gm)
  },
  {
    name: sweeperNames.masscanTwice,
    program: 'masscan',
    script: (silence) => `${masscan(silence)} --retries 1`,
    finds: (text) => distinct(text, /^open tcp \d+ \S+/gm)
  },
  {
    name: 'zmap -r 100k -c 1, once per port',
    program: 'zmap',
    script: (silence, emptyFile) => silence.ports.map(zmap(silence, emptyFile)).join(' && '),
    finds: (text) => count(text, /^10\.213\./gm)
  }
]

/** The port scanners that are installed, each ready to sweep the silent space once. */
export function installedSweepers(
  bench: Bench,
  silence: SilentSpace
): { contenders: Contender[]; missing: string[] } {
  const emptyFile = join(bench.folder, 'empty')
  writeFileSync(emptyFile, '')
  const contenders = sweepers
    .filter(({ program }) => find(program) !== undefined)
    .map((sweeper) => ({ name: sweeper.name, run: () => sweepOnce(bench, silence, { sweeper, emptyFile }) }))
  const missing = new Set(
    sweepers.map(({ program }) => program).filter((program) => find(program) === undefined)
  )
  return { contenders, missing: [...missing] }
}

async function sweepOnce(
  bench: Bench,
  silence: SilentSpace,
  { sweeper, emptyFile }: { sweeper: Sweeper; emptyFile: string }
) {
  const command = silence.near(pinned('client', ['sh', '-c', sweeper.script(silence, emptyFile)]))
  const { stdout, usage } = await measured(command, {
    usage: bench.native?.usage,
    folder: bench.folder,
    timeoutMs: 120_000,
    signal: bench.signal
  })
  return { n: space.addresses * silence.ports.length, ok: sweeper.finds(stdout), ...usage }
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

/** masscan tells a pair once more for each answer to a repeated question */
function distinct(text: string, pattern: RegExp): number {
  return new Set(text.match(pattern)).size
}
