import { Type, type Static } from 'typebox'
import type { Clock } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import type { Random } from '../../../core/random.ts'
import type { Secret } from '../../../core/secret.ts'
import { type HttpFilePlace, httpFileSolver } from './http-file.ts'
import { httpListenerSolver } from './http-listener.ts'
import { noSolver } from './none.ts'
import { dnsUpdateSolver } from './rfc2136.ts'
import { dnsScriptSolver } from './script.ts'
import type { Solver } from './solver.ts'
import { tsigAlgorithms } from './tsig.ts'

const closed = { additionalProperties: false } as const
const Port = Type.Integer({ minimum: 1, maximum: 65_535 })
const Seconds = (maximum: number) => Type.Integer({ minimum: 0, maximum })
const Server = Type.Object({ host: Type.String({ minLength: 1 }), port: Type.Optional(Port) }, closed)

/** How names are proved, as it is configured; secrets are named, and kept elsewhere. */
export const SolverSettings = Type.Union([
  /** the CA has validated the names beforehand */
  Type.Object({ kind: Type.Literal('none') }, closed),
  /** http-01 by a listener of this process, default [::]:80 */
  Type.Object(
    {
      kind: Type.Literal('http-listener'),
      host: Type.Optional(Type.String({ minLength: 1 })),
      port: Type.Optional(Port)
    },
    closed
  ),
  /** http-01 by files below the web root of a web server that is a device */
  Type.Object(
    {
      kind: Type.Literal('http-file'),
      device: Type.String({ minLength: 1 }),
      webRoot: Type.String({ pattern: '^/', description: 'an absolute path' })
    },
    closed
  ),
  /** dns-01 by dynamic updates (RFC 2136), signed by TSIG */
  Type.Object(
    {
      kind: Type.Literal('rfc2136'),
      server: Server,
      key: Type.Object(
        {
          name: Type.String({ minLength: 1 }),
          algorithm: Type.Optional(Type.Enum([...tsigAlgorithms])),
          /** name of the secret (base64) */
          secret: Type.String({ minLength: 1 })
        },
        closed
      ),
      /** default: found by asking the server */
      zone: Type.Optional(Type.String({ minLength: 1 })),
      /** who is asked where an alias leads; default: the server */
      resolver: Type.Optional(Server),
      ttlSeconds: Type.Optional(Seconds(86_400)),
      settleSeconds: Type.Optional(Seconds(3_600))
    },
    closed
  ),
  /** dns-01 by a program, called as the hooks of lego are */
  Type.Object(
    {
      kind: Type.Literal('script'),
      program: Type.String({ pattern: '^/', description: 'an absolute path' }),
      timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600 })),
      settleSeconds: Type.Optional(Seconds(3_600))
    },
    closed
  )
])
export type SolverSettings = Static<typeof SolverSettings>

/** What solvers work with. */
export interface SolverTools {
  readonly clock: Clock
  readonly random: Random
  /** a secret of this name, or null when there is none */
  readonly secret: (name: string) => Secret | null
  /** the web root of a device */
  readonly webRoot: (device: string, path: string) => HttpFilePlace
}

/** Gives the solver of settings; listeners of the same address are one. */
export type SolverMaker = (settings: SolverSettings) => Solver

const dnsTimeoutMs = 10_000

/**
 * Makes solvers. Make one of these for the process and keep it: what its listeners answer is in it. Fault key-missing
 * when a secret is not there.
 */
export function solverMaker(tools: SolverTools): SolverMaker {
  const listeners = new Map<string, Solver>()
  const listener = (host: string, port: number) => {
    const address = `${host} ${port}`
    const solver = listeners.get(address) ?? httpListenerSolver({ host, port }, tools.clock)
    listeners.set(address, solver)
    return solver
  }
  return (settings) => {
    switch (settings.kind) {
      case 'http-listener':
        return listener(settings.host ?? '::', settings.port ?? 80)
      case 'http-file':
        return httpFileSolver(tools.webRoot(settings.device, settings.webRoot), tools.clock)
      case 'rfc2136':
        return updating(settings, tools)
      case 'script': {
        const { program, timeoutSeconds = 60, settleSeconds = 0 } = settings
        const script = { program, timeoutMs: timeoutSeconds * 1000, settleMs: settleSeconds * 1000 }
        return dnsScriptSolver(script, tools.clock)
      }
      default:
        return noSolver()
    }
  }
}

function updating(settings: Extract<SolverSettings, { kind: 'rfc2136' }>, tools: SolverTools): Solver {
  const { key, server, resolver, zone = null, ttlSeconds = 60, settleSeconds = 0 } = settings
  const secret = tools.secret(key.secret)
  if (secret === null) {
    const message = `The secret ${key.secret} of the TSIG key ${key.name} is not there. Store it again.`
    throw new Fault('key-missing', message, { key: key.secret })
  }
  const at = ({ host, port = 53 }: Static<typeof Server>) => ({ host, port })
  return dnsUpdateSolver(
    {
      server: at(server),
      key: { name: key.name, algorithm: key.algorithm ?? 'hmac-sha256', secret },
      zone,
      resolver: resolver ? at(resolver) : null,
      ttl: ttlSeconds,
      timeoutMs: dnsTimeoutMs,
      settleMs: settleSeconds * 1000
    },
    tools
  )
}

/** How settings prove names, for a person. */
export function describeSolver(settings: SolverSettings): string {
  switch (settings.kind) {
    case 'http-listener':
      return `http-01 by a listener at ${settings.host ?? '::'} port ${settings.port ?? 80}`
    case 'http-file':
      return `http-01 by files in ${settings.webRoot} of ${settings.device}`
    case 'rfc2136':
      return `dns-01 by updates of ${settings.server.host}`
    case 'script':
      return `dns-01 by ${settings.program}`
    default:
      return 'validated at the CA'
  }
}
