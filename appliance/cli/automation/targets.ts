import { Fault } from '../../../core/fault.ts'
import type { AutomationFunctions } from '../../automation-functions.ts'
import { malformed } from '../options.ts'
import { shown } from '../output.ts'

/** What is needed to look up the targets of a device. */
interface Looking {
  readonly functions: Pick<AutomationFunctions, 'discoverDevice'>
  readonly signal: AbortSignal
}

/**
 * The targets that words name, `device/target` each; `device/*` is every target of the device that may be changed.
 * Each comes once. Throws option-malformed, target-none, and what reading a device throws.
 */
export async function targetsOf(
  words: readonly string[],
  { functions, signal }: Looking
): Promise<readonly string[]> {
  const targets = new Set<string>()
  for (const word of words) {
    const at = word.indexOf('/')
    if (at < 1 || at === word.length - 1) {
      throw malformed('target', shown(word), `write device/target, or 'device/*' for all of a device`)
    }
    if (word.slice(at + 1) !== '*') targets.add(word)
    else for (const target of await allOf(word.slice(0, at), { functions, signal })) targets.add(target)
  }
  return [...targets]
}

async function allOf(device: string, { functions, signal }: Looking): Promise<readonly string[]> {
  const targets: string[] = []
  for await (const binding of functions.discoverDevice(device, signal)) {
    if (binding.unmanaged === null) targets.push(`${device}/${binding.target}`)
  }
  if (targets.length > 0 || signal.aborted) return targets
  throw new Fault(
    'target-none',
    `target ${shown(device)}/*: the device has nothing that may be changed. See tlsward device discover ${shown(device)}.`,
    { device }
  )
}
