import { hash } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import {
  access,
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rmdir,
  stat,
  statfs,
  symlink,
  unlink
} from 'node:fs/promises'
import type { FileReads, FileStat, HostFiles, KnownOfHost, Owned } from './files.ts'
import { type Host, outputLimit } from './host.ts'
import { fileFault, shellFiles } from './shell-files.ts'

const place = 'this machine'

/** Files of this machine, as the user that Tlsward runs as; `host` runs what Node cannot do (SELinux labels). */
export function localFiles(host: Host, known: KnownOfHost = {}): HostFiles {
  const shell = shellFiles(host, known)
  return { ...reading, ...writing, copyLabel: (from, to) => shell.copyLabel(from, to) }
}

/** The value, undefined for what is not there (or what `also` means by that), or the Fault. */
async function asked<T>(
  path: string,
  work: Promise<T>,
  also: readonly string[] = []
): Promise<T | undefined> {
  try {
    return await work
  } catch (thrown) {
    const { code = '' } = thrown as NodeJS.ErrnoException
    if (['ENOENT', 'ENOTDIR', ...also].includes(code)) return undefined
    throw faultOf(path, thrown)
  }
}

async function act(path: string, work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (thrown) {
    throw faultOf(path, thrown)
  }
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  ENOSPC: 'No space left on device',
  EDQUOT: 'No space left on device (quota)',
  EROFS: 'Read-only file system',
  EBUSY: 'Device or resource busy'
}

function faultOf(path: string, thrown: unknown) {
  const { code = '', message } = thrown as NodeJS.ErrnoException
  return fileFault(place, path, words[code] ?? message)
}

const reading: FileReads = {
  async stat(path) {
    const found = await asked(path, lstat(path))
    return found && statOf(found)
  },
  async read(path) {
    const found = await asked(path, stat(path))
    if (found && found.size > outputLimit) throw fileFault(place, path, `${found.size} bytes are too many`)
    return asked(path, readFile(path))
  },
  async list(path) {
    return (await asked(path, readdir(path)))?.sort()
  },
  readLink: (path) => asked(path, readlink(path), ['EINVAL']),
  realPath: (path) => asked(path, realpath(path), ['ELOOP']),
  async hash(path) {
    const bytes = await reading.read(path)
    return bytes && hash('sha256', bytes, 'hex')
  },
  mtimes: (paths) => Promise.all(paths.map(async (path) => (await asked(path, lstat(path)))?.mtimeMs ?? 0)),
  async changedAfter(paths, time) {
    const times = await reading.mtimes(paths)
    return paths.filter((_path, at) => (times[at] ?? 0) > time)
  },
  async free(path) {
    const space = await asked(path, statfs(path))
    return space ? space.bavail * space.bsize : 0
  },
  async unreadable(paths) {
    const may = await Promise.all(paths.map((path) => allows(path, constants.R_OK)))
    return paths.filter((_path, at) => !may[at])
  },
  async unwritable(directories) {
    const may = await Promise.all(directories.map((path) => allows(path, constants.W_OK | constants.X_OK)))
    return directories.filter((_path, at) => !may[at])
  }
}

async function allows(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode)
    return true
  } catch {
    return false
  }
}

function statOf(found: Stats): FileStat {
  const kind = found.isSymbolicLink()
    ? 'link'
    : found.isDirectory()
      ? 'directory'
      : found.isFile()
        ? 'file'
        : 'other'
  return { kind, mode: found.mode & 0o7777, uid: found.uid, gid: found.gid, size: found.size }
}

const writing: Omit<HostFiles, keyof typeof reading | 'copyLabel'> = {
  async write(path, content, owned) {
    const bytes = Buffer.from(content.reveal())
    const wanted = hash('sha256', bytes, 'hex')
    if ((await reading.hash(path)) !== wanted) {
      // a remainder of ours that was cut short: nothing refers to it
      await writing.remove(path)
      await act(path, writeNew(path, bytes))
      if ((await reading.hash(path)) !== wanted) {
        throw fileFault(place, path, 'the bytes read back are not those written')
      }
    }
    await act(path, give(path, owned))
  },
  async makeDirectory(path, owned) {
    if ((await reading.stat(path))?.kind !== 'directory') await act(path, mkdir(path, { mode: 0o700 }))
    await act(path, give(path, owned))
  },
  makeLink: (path, to) => act(path, symlink(to, path)),
  makeHardLink: (path, of) => act(path, link(of, path)),
  rename: (from, to) => act(to, rename(from, to)),
  async remove(path) {
    await asked(path, unlink(path))
  },
  async removeDirectory(path) {
    await asked(path, rmdir(path), ['ENOTEMPTY', 'EEXIST'])
  },
  async sync(directories) {
    for (const directory of directories) await act(directory, syncDirectory(directory))
  }
}

/** exclusive, closed to others, and on the disk before it is closed */
async function writeNew(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function give(path: string, { mode, uid, gid }: Owned): Promise<void> {
  const found = await lstat(path)
  if (found.uid !== uid || found.gid !== gid) await chown(path, uid, gid)
  if ((found.mode & 0o7777) !== mode) await chmod(path, mode)
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
