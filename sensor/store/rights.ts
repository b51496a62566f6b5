import { lstatSync, readFileSync, statSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'

/**
 * Refuses a state directory of another account, and one in which others may put or replace files: they could exchange
 * the inventory, and what is believed from it, or take what is sent to the socket there. Root in the directory of a
 * service account would believe what that account wrote, and leave files behind that it cannot open. In a sticky
 * directory (like /tmp) files are safe whose owner is safe. `files` are names in the directory, those that are there
 * are looked at. Of a directory that is yet to be made, the one above it counts. Faults: state-unsafe, state-foreign.
 */
export function checkRights(directory: string, files: readonly string[]): void {
  const user = process.getuid?.()
  if (user === undefined) return
  const isSafe = (owner: number) => owner === 0 || owner === user
  const found = standing(directory)
  const { mode, uid } = found.stats
  if (!isSafe(uid)) throw foreign(found.path, uid, user)
  if (found.path !== directory) return
  const isSticky = (mode & 0o1000) !== 0
  if ((mode & 0o022) !== 0 && !isSticky) {
    const rights = (mode & 0o7777).toString(8).padStart(4, '0')
    throw new Fault(
      'state-unsafe',
      `state ${directory}: others may write there (${rights}), and exchange the inventory. Run chmod go-w ${directory}, or give --state another directory.`,
      { directory, mode: rights }
    )
  }
  for (const name of files) {
    const path = join(directory, name)
    const owner = ownerOf(path) ?? user
    if (owner === 'closed') throw foreign(directory, uid, user)
    if (!isSafe(owner)) throw strange(path, owner, user)
  }
}

/** `closed`: it is in a directory that lets this account look at nothing; undefined: there is no such file. */
function ownerOf(path: string): number | 'closed' | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.uid
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return 'closed'
    throw error
  }
}

/** The directory, or, where it is to be made, the nearest one above it. */
function standing(directory: string): { readonly path: string; readonly stats: Stats } {
  for (let path = directory; ; path = dirname(path)) {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isDirectory() || path === dirname(path)) return { path, stats: stats ?? statSync('/') }
  }
}

/** The name of an account as sudo -u takes it: `#ID` where /etc/passwd knows none. */
export function accountName(uid: number): string {
  let known = ''
  try {
    known = readFileSync('/etc/passwd', 'utf8')
  } catch {
    // a number does as well
  }
  const line = known.split('\n').find((one) => one.split(':')[2] === String(uid))
  return visible(line?.split(':')[0] ?? '', 64) || `#${uid}`
}

function foreign(directory: string, uid: number, user: number): Fault {
  const [owner, own] = [accountName(uid), accountName(user)]
  const message =
    `state ${directory}: it belongs to account ${owner}, and this is ${own}. ` +
    `Run it as that account (sudo -u '${owner}' tlsward …), or give --state another directory.`
  return new Fault('state-foreign', message, { directory, owner })
}

function strange(path: string, uid: number, user: number): Fault {
  const [owner, own] = [accountName(uid), accountName(user)]
  const message = `state ${path}: it belongs to account ${owner}, and this is ${own}. Find out who put it there; remove it, or give --state a directory of its own.`
  return new Fault('state-unsafe', message, { path, owner })
}
