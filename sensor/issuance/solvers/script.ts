import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import type { Clock } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import { checkType, dnsRecordOf, type Challenge, type Solver } from './solver.ts'

/** A program that changes TXT records. */
export interface DnsScript {
  /** absolute path */
  readonly program: string
  readonly timeoutMs: number
  /** how long records take to reach all servers of the zone */
  readonly settleMs: number
}

/** what is kept of what it writes */
const maxOutput = 2000

/**
 * Answers dns-01 by a program that is called with `present` or `cleanup`, the name with its final dot, and the value, as
 * the hooks of lego are. It gets no shell, no environment but PATH and LANG, and no input; exit code 0 is success, and
 * the end of what it wrote, stderr first, is told in the fault otherwise. Faults: script-unfit, script-failed, challenge-unfit.
 */
export function dnsScriptSolver(script: DnsScript, clock: Clock): Solver {
  const call = async (action: 'present' | 'cleanup', challenge: Challenge, signal: AbortSignal) => {
    checkType(challenge, 'dns-01')
    await checkProgram(script.program)
    const { name, value } = dnsRecordOf(challenge)
    await run({ ...script, args: [action, `${name}.`, value] }, clock, signal)
  }
  return {
    type: 'dns-01',
    async present(challenge, signal) {
      await call('present', challenge, signal)
      return { visibleAt: clock.now() + script.settleMs }
    },
    cleanup: (challenge, signal) => call('cleanup', challenge, signal)
  }
}

/** what everybody may write must not run with the rights of this process */
async function checkProgram(program: string): Promise<void> {
  const entry = isAbsolute(program) ? await stat(program).catch(() => undefined) : undefined
  const problem = !isAbsolute(program)
    ? 'is no absolute path'
    : !entry?.isFile()
      ? 'is no file'
      : (entry.mode & 0o002) !== 0
        ? 'may be written by everybody'
        : (entry.mode & 0o111) === 0
          ? 'may not be executed'
          : undefined
  if (problem === undefined) return
  throw new Fault('script-unfit', `script ${visible(program)} ${problem}. Correct it, or name another one.`, {
    program: visible(program)
  })
}

interface Call extends DnsScript {
  readonly args: readonly string[]
}

function run({ program, args, timeoutMs }: Call, clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // a process group of its own, so that what it has started ends with it
  const child = spawn(program, args, {
    cwd: '/',
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true
  })
  // two pipes have no common order: what it complains of comes first, whenever it arrives
  const output = { stderr: '', stdout: '' }
  for (const name of ['stderr', 'stdout'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      output[name] = (output[name] + chunk.toString()).slice(-maxOutput / 2)
    })
  }
  let end: string | undefined
  const kill = (why: string) => {
    end ??= why
    endGroup(child.pid)
    // a grandchild that left the group may hold the pipes open for ever
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const cancel = clock.after(timeoutMs, () => kill(`took longer than ${timeoutMs} ms`))
  const abort = () => kill('was stopped')
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  child.on('error', (error) => (end ??= error.message))
  child.on('close', (code, by) => {
    cancel()
    signal.removeEventListener('abort', abort)
    end ??= code === 0 ? undefined : `ended with ${by ?? `exit code ${code}`}`
    if (end === undefined) resolve()
    else reject(failed(program, end, [output.stderr, output.stdout].map((text) => text.trim()).join('\n')))
  })
  return promise
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // nobody is left in it
  }
}

function failed(program: string, end: string, output: string): Fault {
  const said = output.trim() === '' ? '' : ` It wrote: ${visible(output.trim(), maxOutput)}`
  return new Fault('script-failed', `script ${visible(program)} ${end}. Run it by hand to see why.${said}`, {
    program: visible(program)
  })
}
