import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** Where the appliance keeps its files. */
export interface Places {
  /** the inventory and its lock */
  readonly state: string
  /** settings and the do-not-scan list */
  readonly config: string
}

/** Configuration of the machine: root's, and its do-not-scan list holds for everybody. */
export const machineConfig = '/etc/tlsward'

/** What {@link places} looks at. */
interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** user id; 0 is root, who runs the appliance for the whole machine */
  readonly user: number
  readonly home: string
}

/** The surroundings of this process. */
export function processSurroundings(): Surroundings {
  return { env: process.env, user: process.getuid?.() ?? -1, home: homedir() }
}

/**
 * The places to use: what was asked for, else TLSWARD_STATE and TLSWARD_CONFIG, else /var/lib and /etc for
 * root, else the user's own directories (XDG Base Directory Specification).
 */
export function places(
  asked: { readonly state?: string | undefined; readonly config?: string | undefined },
  around: Surroundings
): Places {
  const { env, user, home } = around
  const own = (variable: string, fallback: string) => {
    const base = env[variable]
    // the specification: a relative path is to be ignored
    return join(base !== undefined && isAbsolute(base) ? base : join(home, fallback), 'tlsward')
  }
  const state = user === 0 ? '/var/lib/tlsward' : own('XDG_STATE_HOME', '.local/state')
  const config = user === 0 ? machineConfig : own('XDG_CONFIG_HOME', '.config')
  return {
    state: resolve(asked.state ?? (env['TLSWARD_STATE'] || state)),
    config: resolve(asked.config ?? (env['TLSWARD_CONFIG'] || config))
  }
}
