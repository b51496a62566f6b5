import PQueue from 'p-queue'
import type { EngineLimits } from './ports.ts'

/** Who may talk to devices and issuers now: some at a time in all, and one (or a few) at a device. */
export interface Turns {
  /** resolves with what `work` gives, once it had its turn; `most` at a time at this device */
  atDevice<T>(device: number, most: number, work: () => Promise<T>): Promise<T>
  atIssuer<T>(work: () => Promise<T>): Promise<T>
}

/** Turns of one engine. */
export function createTurns({ overall }: EngineLimits): Turns {
  const devices = new Map<number, PQueue>()
  const everyDevice = new PQueue({ concurrency: overall })
  const issuers = new PQueue({ concurrency: overall })
  return {
    // the queue of the device comes first: those who wait for one that hangs keep no one else waiting
    async atDevice(device, most, work) {
      const queue = devices.get(device) ?? new PQueue({ concurrency: most })
      devices.set(device, queue)
      try {
        return await queue.add(() => everyDevice.add(work))
      } finally {
        if (queue.size === 0 && queue.pending === 0) devices.delete(device)
      }
    },
    atIssuer: (work) => issuers.add(work)
  }
}
