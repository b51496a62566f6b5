import { userInfo } from 'node:os'
import { visible } from '../../../core/text.ts'

/**
 * Who gives a command, for the history: the account, and who became root by sudo. It is what this process says of itself,
 * at most 200 characters that can be shown.
 */
export function thisPerson(): string {
  const account = accountName()
  const before = process.env['SUDO_USER']
  const isBySudo = process.getuid?.() === 0 && before !== undefined && before !== ''
  return visible(isBySudo ? `${before} as ${account}` : account, 200)
}

function accountName(): string {
  try {
    return userInfo().username
  } catch {
    // a container may run as a number that has no name
    return `user ${process.getuid?.() ?? 'unknown'}`
  }
}
