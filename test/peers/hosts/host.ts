import { freePort } from '../ports.ts'
import { isInstalled, temporaryFolder } from '../process.ts'
import { startApache } from './apache.ts'
import { startCutProxy, type CutProxy } from './cut-proxy.ts'
import { makeFolder } from './files.ts'
import { startFilesServer } from './files-server.ts'
import { startHaproxy } from './haproxy.ts'
import { startNginx } from './nginx.ts'
import type { HostedProgram, ProgramSpace, Site } from './program.ts'
import { type Sshd, type SshdOptions, startSshd } from './sshd.ts'

const programs = { nginx: startNginx, haproxy: startHaproxy, apache: startApache, files: startFilesServer }

/** A program that a test host can run. */
export type ProgramName = keyof typeof programs

/** All of them. */
export const programNames = Object.keys(programs) as readonly ProgramName[]

const paths: Readonly<Record<ProgramName, string | null>> = {
  nginx: '/usr/sbin/nginx',
  haproxy: '/usr/sbin/haproxy',
  apache: '/usr/sbin/apache2',
  files: null
}

/** A Linux host that ends TLS: real programs in a folder of their own, and a real sshd to reach them. */
export interface TestHost {
  readonly folder: string
  readonly programs: readonly HostedProgram[]
  readonly sshd: Sshd
  /** what a device's settings name as port: a cable to the sshd that can be cut */
  readonly cable: CutProxy
  stop(): Promise<void>
}

/** What a test host is made of. */
export interface TestHostOptions {
  readonly programs: Readonly<Partial<Record<ProgramName, readonly Site[]>>>
  readonly login?: SshdOptions['login']
  readonly sshdLines?: readonly string[]
}

/** Why a test host cannot be started here, or undefined when it can. */
export function hostMissing(names: readonly ProgramName[]): string | undefined {
  const needed = [...names.flatMap((name) => paths[name] ?? []), '/usr/sbin/sshd', 'ssh-keygen']
  const missing = needed.filter((path) => !isInstalled(path))
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`
  return process.getuid?.() === 0 ? undefined : 'a test host is started as root only'
}

/** Starts everything and waits until it accepts connections. */
export async function startTestHost(options: TestHostOptions): Promise<TestHost> {
  const temporary = temporaryFolder()
  const started: { stop(): Promise<void> }[] = []
  const stop = async () => {
    await Promise.allSettled(started.toReversed().map((one) => one.stop()))
    temporary.remove()
  }
  try {
    const hosted: HostedProgram[] = []
    for (const [name, sites] of Object.entries(options.programs) as [ProgramName, readonly Site[]][]) {
      const space: ProgramSpace = {
        folder: makeFolder(temporary.path, name),
        sites,
        freePort: () => freePort()
      }
      hosted.push(await programs[name](space))
      started.push(...hosted.slice(-1))
    }
    const login = options.login ?? { root: true }
    const lines = options.sshdLines ?? []
    const sshd = await startSshd({ folder: temporary.path, login, lines })
    started.push(sshd)
    const cable = await startCutProxy(sshd.port)
    started.push({ stop: () => cable.close() })
    return { folder: temporary.path, programs: hosted, sshd, cable, stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}
