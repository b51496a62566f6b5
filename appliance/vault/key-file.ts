import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { syncFolder } from './sync-folder.ts'
import { keyLength } from './envelope.ts'
import { readPrivateFile } from './private-file.ts'

// one line, so that a person who prints it for the safe sees what it is
const line = /^tlsward-vault-key-1 (?<digits>[0-9a-f]{64})\n?$/

/**
 * The key in a file. Faults: vault-key-unsafe when others could have read it, vault-locked when it is not there or
 * holds no key.
 */
export function readKeyFile(path: string): Buffer {
  const read = readPrivateFile(path)
  if ('wrong' in read && read.wrong === 'unsafe') {
    const message =
      `vault: the key file ${path} is not private: ${read.why}; ` +
      'give it to the account that runs tlsward with mode 0600, and rotate the key if others could read it'
    throw new Fault('vault-key-unsafe', message, { path })
  }
  const digits = 'text' in read ? line.exec(read.text)?.groups?.['digits'] : undefined
  if (digits !== undefined) return Buffer.from(digits, 'hex')
  const why = 'wrong' in read ? read.why : 'it does not hold a key'
  const message = `vault: the key file ${path} is of no use: ${why}; put back the file that the vault was sealed with`
  throw new Fault('vault-locked', message, { path })
}

/**
 * Makes a key file (0600) with a new key, unless there is a file already: that one is left alone and counts, also
 * when another process makes it at the same time. The file appears whole, and is on the disk when this returns:
 * nothing may be sealed by a key that a power cut can take away.
 */
export function makeKeyFile(path: string, random: Random): void {
  if (existsSync(path)) return
  const folder = dirname(path)
  const draft = `${path}.${Buffer.from(random.bytes(8)).toString('hex')}`
  try {
    makeFolder(folder)
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, `tlsward-vault-key-1 ${Buffer.from(random.bytes(keyLength)).toString('hex')}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    linkSync(draft, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    // somebody else was faster
    if (error.code === 'EEXIST') return syncFolder(folder)
    const message = `vault: the key file ${path} cannot be made (${String(error.code)}); name a place that this account may write`
    throw new Fault('file-unwritable', message, { path }, error)
  } finally {
    rmSync(draft, { force: true })
  }
  syncFolder(folder)
}

/** Not by `recursive`: Node tries for ever where the system says ENOENT of a folder that it cannot make (/proc, autofs). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // made by somebody else meanwhile
    if (!existsSync(folder)) throw error
  }
}
