import type { AutomationEvent } from '../../automation-records.ts'
import type { Driving } from '../../automation/driving.ts'
import { shown } from '../output.ts'
import { targetName } from '../views/events.ts'
import { atMoment } from '../words.ts'

/** Who does the work of the automation: `tlsward run`, this command, or another command that lasts as long as it lasts. */
export type Worker = 'run' | 'this command' | 'another command'

/** Who does it, as this command sees it. */
export function whoWorks(driving: Driving | null): Worker {
  if (driving === null) return 'run'
  return driving.isHere() ? 'this command' : 'another command'
}

/** Said at the first Ctrl-C after the yes. */
export const finishingWords =
  'Finishing: what is half-way on a device goes on to its end, live or undone; nothing else is begun. Ctrl-C again leaves it as it is.'

/** Said where the end of a command has to wait for another event. */
export const othersWords =
  'Another event is half-way on a device, and is brought to its end first. Ctrl-C twice leaves it as it is.'

/** What only waits for a time, and how to leave it. */
export function waitingWords(event: AutomationEvent, worker: Worker): string {
  const { id, why } = event
  const left =
    worker === 'run'
      ? 'Ctrl-C leaves it to tlsward run'
      : `Ctrl-C leaves it; then tlsward run must be up by that time, or tlsward events follow ${id} --wait`
  return `Event ${id} waits until ${untilWords(event)}: ${shown(why)}. ${left}.`
}

/** What is needed for an event whose time is still to come, where nobody is up to begin it. */
export function laterWords(event: AutomationEvent, worker: Worker): string {
  const { id } = event
  if (worker === 'run') return `tlsward run goes on with it. Look with: tlsward events follow ${id}`
  return (
    `It goes on at ${untilWords(event)} only if tlsward run is up then: start it (docs/operations.md), ` +
    `or wait here with: tlsward events follow ${id} --wait`
  )
}

function untilWords({ nextAt, startAt }: AutomationEvent): string {
  return atMoment(Date.parse(nextAt ?? startAt))
}

const halfWay: ReadonlySet<string> = new Set(['deploying', 'verifying', 'rolling-back'])

/** How an event was left by Ctrl-C, and how it goes on. */
export function leftWords({ id, deployments }: AutomationEvent, worker: Worker): string {
  if (worker === 'run') return `tlsward run goes on with it. Look with: tlsward events follow ${id}`
  if (worker === 'another command') {
    return `Another tlsward command works on it as long as it lasts; then tlsward run or tlsward events follow ${id} does.`
  }
  const left = deployments.filter(({ state }) => halfWay.has(state))
  const goesOn = `It goes on when tlsward run is up, or with: tlsward events follow ${id}`
  if (left.length === 0) return `Nothing is half-way on a device. ${goesOn}`
  const places = left.map((one) => `${shown(targetName(one))} (${one.state})`).join(', ')
  return `Left half-way: ${places}. What was done is on record. ${goesOn}`
}
