import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { TargetName } from '../../sensor/automation/requests.ts'

/** A name that people give to something, and write in commands. Throws option-malformed. */
export function givenName(what: string, name: string): string {
  if (/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u.test(name)) return name
  throw new Fault(
    'option-malformed',
    `${what} name '${visible(name, 80)}': write 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.`,
    { field: 'name', value: visible(name, 80) }
  )
}

/** `device/target`: what stands before the first slash is the device. Throws target-malformed. */
export function targetName(text: string): TargetName {
  const slash = text.indexOf('/')
  if (slash > 0 && slash < text.length - 1) {
    return { device: text.slice(0, slash), target: text.slice(slash + 1) }
  }
  throw new Fault(
    'option-malformed',
    `target '${visible(text, 120)}': write device/target, as tlsward device discover shows them.`,
    { field: 'target', value: visible(text, 120) }
  )
}

/** The same as text. */
export const targetText = ({ device, target }: TargetName): string => `${device}/${target}`
