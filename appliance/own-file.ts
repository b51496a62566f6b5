import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../core/fault.ts'
import { accountName } from '../sensor/store/rights.ts'

/**
 * The bytes of a file that decides what Tlsward trusts and does; undefined where there is none. It and its folder must
 * belong to this account or root, and nobody else may write them: what is checked is what is read. A symbolic link is
 * followed, since nobody else can have put it there. Throws settings-unsafe, and errors of the system as they are.
 */
export function readOwnFile(path: string): Buffer | undefined {
  let file: number
  try {
    // not to wait for a writer, should it be a pipe
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined
    throw error
  }
  try {
    check(dirname(path), statSync(dirname(path)))
    check(path, fstatSync(file))
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

function check(path: string, stats: Stats): void {
  const user = process.getuid?.()
  const { uid, mode } = stats
  if (user === undefined) return
  if (uid !== user && uid !== 0) {
    const [owner, own] = [accountName(uid), accountName(user)]
    throw unsafe(
      path,
      `it belongs to account ${owner}, and this is ${own}: that account could decide what this one trusts`,
      `Run it as that account (sudo -u '${owner}' tlsward …), or give the file to this account or root`
    )
  }
  // in a sticky folder (like /tmp) nobody takes the place of a file of another
  const isSticky = stats.isDirectory() && (mode & 0o1000) !== 0
  if ((mode & 0o022) === 0 || isSticky) return
  const rights = (mode & 0o7777).toString(8).padStart(4, '0')
  throw unsafe(path, `others may write there (${rights})`, `Run chmod go-w ${path}`)
}

function unsafe(path: string, why: string, remedy: string): Fault {
  return new Fault('settings-unsafe', `settings ${path}: ${why}. ${remedy}.`, { path })
}
