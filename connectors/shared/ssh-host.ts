import type { Client, ClientChannel, SFTPWrapper } from 'ssh2'
import type { Clock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import {
  commandMs,
  type HostConnection,
  quoted,
  type Ran,
  type RunOptions,
  saidBy,
  unreachable
} from './host.ts'
import { Gathered, socketFault } from './local-host.ts'
import { connectSsh, type SshRoute, type SshTools } from './ssh-login.ts'
import { type SshError, sshFault } from './ssh-faults.ts'

/** A host over SSH. */
export interface SshConnection extends HostConnection {
  /** does the server offer SFTP? */
  hasSftp(signal: AbortSignal): Promise<boolean>
  /** one call of SFTP; rejects with ssh2's error, or as commands do */
  sftp<T>(
    work: (sftp: SFTPWrapper, done: (error: Error | null | undefined, value?: T) => void) => void,
    signal: AbortSignal
  ): Promise<T>
}

/**
 * Signs in and keeps one connection, on which one command runs at a time: OpenSSH allows few channels on a
 * connection (MaxSessions) and few connections from an address (MaxStartups).
 */
export async function openSshHost(route: SshRoute, tools: SshTools): Promise<SshConnection> {
  const login = await connectSsh(route, tools)
  const { user, address, port } = route.server
  const name = `${user}@${address.includes(':') ? `[${address}]` : address}:${port}`
  const wire = new Wire(login.client, name, tools.clock)
  return {
    with: (signal) => ({
      name,
      run: (argv, options) => wire.inTurn(() => wire.run(argv, options ?? {}, signal)),
      talk: (socket, request) => wire.inTurn(() => wire.talk(socket, request, signal))
    }),
    hasSftp: (signal) => wire.inTurn(async () => (await wire.sftp(signal)) !== undefined),
    sftp: (work, signal) => wire.inTurn(() => wire.callSftp(work, signal)),
    isOpen: () => wire.isOpen(),
    close: async () => login.close()
  }
}

class Wire {
  readonly #client: Client
  readonly #name: string
  readonly #clock: Clock
  #last: Promise<unknown> = Promise.resolve()
  #lost: Error | undefined
  readonly #losing = new Set<(error: Error) => void>()
  #sftp: Promise<SFTPWrapper | undefined> | undefined

  constructor(client: Client, name: string, clock: Clock) {
    this.#client = client
    this.#name = name
    this.#clock = clock
    client.on('error', (error: SshError) => this.#lose(sshFault(name, error)))
    client.on('close', () => this.#lose(unreachable(name, 'the connection broke')))
  }

  #lose(error: Error): void {
    this.#lost ??= error
    for (const reject of this.#losing) reject(this.#lost)
  }

  isOpen(): boolean {
    return this.#lost === undefined
  }

  /** One thing after the other, whatever came of the one before. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => {})
    return turn
  }

  /** Settles with the work, the loss of the connection, the time, or the signal: whichever comes first. */
  async #bounded<T>(
    what: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    work: Promise<T>
  ): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    if (this.#lost) throw this.#lost
    const cancel = this.#clock.after(timeoutMs, () =>
      reject(unreachable(this.#name, `${what} did not end within ${timeoutMs / 1000} s`))
    )
    const abort = () => reject(signal?.reason as Error)
    signal?.addEventListener('abort', abort, { once: true })
    this.#losing.add(reject)
    try {
      if (signal?.aborted) throw signal.reason
      return await Promise.race([work, promise])
    } finally {
      cancel()
      signal?.removeEventListener('abort', abort)
      this.#losing.delete(reject)
    }
  }

  async run(
    argv: readonly string[],
    { stdin, timeoutMs = commandMs }: RunOptions,
    signal: AbortSignal
  ): Promise<Ran> {
    if (this.#lost) throw this.#lost
    signal.throwIfAborted()
    let channel: ClientChannel | undefined
    const work = new Promise<Ran>((resolve, reject) =>
      this.#client.exec(commandLine(argv), (error, opened) => {
        if (error) return reject(sshFault(this.#name, error))
        channel = opened
        const stdout = new Gathered()
        const stderr = new Gathered()
        opened.on('data', (bytes: Buffer) => stdout.add(bytes))
        opened.stderr.on('data', (bytes: Buffer) => stderr.add(bytes))
        opened.on('error', () => {})
        opened.on('close', (code?: number | null, endedBy?: string) => {
          // neither comes when the connection broke: the command may still be running
          if (typeof code !== 'number' && endedBy === undefined) {
            return reject(unreachable(this.#name, `the connection broke while ${argv[0] ?? 'a command'} ran`))
          }
          const signal = endedBy ?? null
          resolve({ code: code ?? null, signal, stdout: stdout.bytes(), stderr: stderr.bytes().toString() })
        })
        opened.end(stdin instanceof Secret ? stdin.reveal() : (stdin ?? ''))
      })
    )
    work.catch(() => {})
    try {
      return await this.#bounded(argv[0] ?? 'a command', timeoutMs, signal, work)
    } catch (thrown) {
      channel?.destroy()
      throw thrown
    }
  }

  /** By a stream of the SSH connection; where the server forbids those, by socat on the host. */
  async talk(socket: string, request: Secret | string, signal: AbortSignal): Promise<string> {
    const stream = await this.#bounded(
      'opening the socket',
      commandMs,
      signal,
      new Promise<ClientChannel | string>((resolve) =>
        this.#client.openssh_forwardOutStreamLocal(socket, (error, opened) =>
          resolve(error ? error.message : opened)
        )
      )
    )
    if (typeof stream === 'string') return this.#talkBySocat(socket, request, signal)
    const heard = new Gathered()
    const work = new Promise<string>((resolve, reject) => {
      stream.on('data', (bytes: Buffer) => heard.add(bytes))
      stream.on('error', () => {})
      // streams are closed with their connection, just before it says so: half an answer is none
      stream.on('close', () =>
        this.#clock.soon(() => (this.#lost ? reject(this.#lost) : resolve(heard.bytes().toString())))
      )
      stream.end(request instanceof Secret ? request.reveal() : request)
    })
    work.catch(() => {})
    try {
      return await this.#bounded('the socket', commandMs, signal, work)
    } catch (thrown) {
      stream.destroy()
      throw thrown
    }
  }

  async #talkBySocat(socket: string, request: Secret | string, signal: AbortSignal): Promise<string> {
    const argv = ['socat', '-t', '30', '-', `UNIX-CONNECT:${socket}`]
    const ran = await this.run(argv, { stdin: request }, signal)
    if (ran.code === 0) return ran.stdout.toString()
    const said = ran.code === 127 ? 'neither stream forwarding nor socat is there' : saidBy(ran)
    throw socketFault(socket, said)
  }

  /** The SFTP channel, made once; undefined when the server has none. */
  async sftp(signal: AbortSignal): Promise<SFTPWrapper | undefined> {
    this.#sftp ??= new Promise<SFTPWrapper | undefined>((resolve) =>
      this.#client.sftp((error, sftp) => {
        // later errors come with the call that they belong to, or with the loss of the connection
        sftp?.on('error', () => {})
        resolve(error ? undefined : sftp)
      })
    )
    return this.#bounded('SFTP', commandMs, signal, this.#sftp)
  }

  async callSftp<T>(
    work: (sftp: SFTPWrapper, done: (error: Error | null | undefined, value?: T) => void) => void,
    signal: AbortSignal
  ): Promise<T> {
    const sftp = await this.sftp(signal)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (!sftp) throw unreachable(this.#name, 'it offers no SFTP')
    promise.catch(() => {})
    work(sftp, (error, value) => {
      // the server's errors have a code; without one there was no answer
      if (error && typeof (error as SshError).code !== 'number')
        reject(this.#lost ?? sshFault(this.#name, error))
      else if (error) reject(error)
      else resolve(value as T)
    })
    return this.#bounded('SFTP', commandMs, signal, promise)
  }
}

const prepare = 'LC_ALL=C; PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; export LC_ALL PATH; exec "$@"'

/**
 * The line that the login shell gets. It may be csh, which expands `!` even in single quotes and ends at a line
 * break, or fish, which reads backslashes there: a line that holds such is sent as octal numbers.
 */
export function commandLine(argv: readonly string[]): string {
  const words = ['exec', '/bin/sh', '-c', quoted(prepare), 'sh', ...argv.map(quoted)]
  if (!argv.some((word) => /[!\\\n]/.test(word))) return words.join(' ')
  const octal = Array.from(Buffer.from(words.join(' ')), (byte) => {
    const char = String.fromCharCode(byte)
    return /[\w /.=-]/.test(char) ? char : `\\0${byte.toString(8).padStart(3, '0')}`
  }).join('')
  return `exec /bin/sh -c 'eval "$(printf "%b" "${octal}")"'`
}
