import { userInfo } from 'node:os'

/** Who gives a command, for the history: the account, and who became root by sudo. */
export function thisPerson(): string {
  const { username, uid } = userInfo()
  const before = process.env['SUDO_USER']
  return uid === 0 && before !== undefined && before !== '' ? `${before} as ${username}` : username
}
