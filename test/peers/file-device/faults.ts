import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../../../core/fault.ts'

/** Where a file device can fail: around a step, around its undo, or when it is called. */
export type FaultPoint =
  | `${'before' | 'after' | 'journaled' | 'undo-before' | 'undo-after'} ${string}`
  | 'connect'
  | 'verify'
  | 'plan'

/** How it fails there. `hang`: until it is told to stop; `deaf`: for ever; `kill`: its process is gone. */
export type FaultWay = 'throw' | 'refuse' | 'busy' | 'denied' | 'hang' | 'deaf' | 'kill'

/** A fault that is to happen. */
export interface WishedFault {
  readonly at: FaultPoint
  readonly does: FaultWay
  readonly times: number
}

const file = (directory: string) => join(directory, 'faults.json')

/** Has a device fail from now on; kept on disk, so that a process that was killed for it does not meet it again. */
export function wishFaults(directory: string, faults: readonly WishedFault[]): void {
  writeFileSync(file(directory), JSON.stringify(faults))
}

/** Fails where it was wished. */
export async function maybeFail(directory: string, at: FaultPoint, signal: AbortSignal): Promise<void> {
  if (!existsSync(file(directory))) return
  const faults = JSON.parse(readFileSync(file(directory), 'utf8')) as WishedFault[]
  const fault = faults.find((one) => one.at === at && one.times > 0)
  if (!fault) return
  wishFaults(
    directory,
    faults.map((one) => (one === fault ? { ...one, times: one.times - 1 } : one))
  )
  await ways[fault.does](signal)
}

const ways: Readonly<Record<FaultWay, (signal: AbortSignal) => Promise<void>>> = {
  throw: () => Promise.reject(new Fault('device-unreachable', 'the device does not answer')),
  refuse: () => Promise.reject(new Fault('device-refused', 'the device says no')),
  busy: () => Promise.reject(new Fault('device-busy', 'the device is busy', { retryAfterMs: 90_000 })),
  denied: () => Promise.reject(new Fault('device-sign-in', 'the device does not let us in')),
  hang: (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
  deaf: () => new Promise(() => {}),
  kill: () => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  }
}
