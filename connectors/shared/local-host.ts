import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { commandMs, type Host, type HostConnection, outputLimit, type Ran, unreachable } from './host.ts'

/** This machine as a host: commands as the user that Tlsward runs as. */
export function openLocalHost(clock: Clock): HostConnection {
  const with_ = (signal: AbortSignal): Host => ({
    name: 'this machine',
    run: (argv, { stdin, timeoutMs = commandMs } = {}) => runHere(argv, { stdin, timeoutMs, clock, signal }),
    talk: (socket, request) => talkHere({ socket, request, clock, signal })
  })
  return { with: with_, isOpen: () => true, close: async () => {} }
}

interface Running {
  readonly stdin: Secret | string | undefined
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

function runHere(argv: readonly string[], { stdin, timeoutMs, clock, signal }: Running): Promise<Ran> {
  const [program = '', ...args] = argv
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      LC_ALL: 'C',
      HOME: process.env['HOME'] ?? '/',
      PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`
    }
  })
  const output = { stdout: new Gathered(), stderr: new Gathered() }
  child.stdout.on('data', (bytes: Buffer) => output.stdout.add(bytes))
  child.stderr.on('data', (bytes: Buffer) => output.stderr.add(bytes))
  // a command that does not read all of its input closes it early
  child.stdin.on('error', () => {})
  const abort = () => {
    child.kill('SIGKILL')
    reject(signal.reason as Error)
  }
  const cancel = clock.after(timeoutMs, () => {
    child.kill('SIGKILL')
    reject(unreachable('this machine', `${program} did not end within ${timeoutMs / 1000} s`))
  })
  signal.addEventListener('abort', abort, { once: true })
  const settle = () => {
    cancel()
    signal.removeEventListener('abort', abort)
  }
  child.on('error', (error: NodeJS.ErrnoException) => {
    settle()
    const code = error.code === 'EACCES' ? 126 : 127
    resolve({ code, signal: null, stdout: Buffer.alloc(0), stderr: `${program}: ${error.message}` })
  })
  child.on('close', (code, endedBy) => {
    settle()
    resolve({
      code,
      signal: endedBy,
      stdout: output.stdout.bytes(),
      stderr: output.stderr.bytes().toString()
    })
  })
  child.stdin.end(stdin instanceof Secret ? stdin.reveal() : (stdin ?? ''))
  return promise
}

/** Output of a command, up to {@link outputLimit}. */
export class Gathered {
  readonly #chunks: Buffer[] = []
  #size = 0

  add(bytes: Buffer): void {
    if (this.#size + bytes.length > outputLimit) return
    this.#size += bytes.length
    this.#chunks.push(bytes)
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

interface Talk {
  readonly socket: string
  readonly request: Secret | string
  readonly clock: Clock
  readonly signal: AbortSignal
}

function talkHere({ socket, request, clock, signal }: Talk): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  const stream = connect(socket)
  const heard = new Gathered()
  const cancel = clock.after(commandMs, () => {
    reject(unreachable(socket, 'no answer on the socket'))
    stream.destroy()
  })
  const abort = () => {
    reject(signal.reason as Error)
    stream.destroy()
  }
  signal.addEventListener('abort', abort, { once: true })
  stream.on('data', (bytes: Buffer) => heard.add(bytes))
  stream.on('error', (error: NodeJS.ErrnoException) => reject(socketFault(socket, error.message, error)))
  stream.on('close', () => {
    cancel()
    signal.removeEventListener('abort', abort)
    resolve(heard.bytes().toString())
  })
  stream.end(request instanceof Secret ? request.reveal() : request)
  return promise
}

/** The fault of a socket that did not take a connection, by what the system said. */
export function socketFault(socket: string, said: string, cause?: unknown): Fault {
  if (/EACCES|[Pp]ermission denied/.test(said)) {
    const remedy = 'Give the login the group of the socket'
    return new Fault('device-right', `The socket ${socket} may not be used: ${said}. ${remedy}.`, { socket })
  }
  return new Fault('device-refused', `The socket ${socket} takes no connection: ${said}.`, { socket }, cause)
}
