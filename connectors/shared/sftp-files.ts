import { hash } from 'node:crypto'
import { posix } from 'node:path'
import type { SFTPWrapper, Stats } from 'ssh2'
import { Fault } from '../../core/fault.ts'
import type { FileStat, HostFiles, KnownOfHost, Owned } from './files.ts'
import { type Host, outputLimit } from './host.ts'
import { fileFault, shellFiles } from './shell-files.ts'
import type { SshConnection } from './ssh-host.ts'

/** An error of ssh2's SFTP: codes of draft-ietf-secsh-filexfer-02 §7. */
interface SftpError extends Error {
  readonly code?: number
}

type Done<T> = (error: Error | null | undefined, value?: T) => void
type Call = <T>(path: string, work: (sftp: SFTPWrapper, done: Done<T>) => void) => Promise<T>

const missingCode = 2
const deniedCode = 3
const unsupportedCode = 8

/**
 * Files by SFTP, which takes a hundredth of the time of a command; what SFTP cannot do, and what the server's SFTP
 * lacks (OpenSSH's extensions), by commands. Undefined when the server offers no SFTP.
 */
export async function sftpFiles(
  connection: SshConnection,
  host: Host,
  { signal, known = {} }: { readonly signal: AbortSignal; readonly known?: KnownOfHost }
): Promise<HostFiles | undefined> {
  if (!(await connection.hasSftp(signal))) return undefined
  const shell = shellFiles(host, known)
  const call: Call = async (path, work) => {
    try {
      return await connection.sftp(work, signal)
    } catch (thrown) {
      if (thrown instanceof Fault || signal.aborted) throw thrown
      throw thrown as SftpError
    }
  }
  const reads = readingFiles(host, call)
  return {
    ...shell,
    ...reads,
    ...writingFiles({ host, call, reads, shell }),
    changedAfter: changedAfter({ host, call, shell })
  }
}

type Reads = Pick<HostFiles, 'stat' | 'read' | 'list' | 'readLink' | 'realPath' | 'hash'>

function readingFiles(host: Host, call: Call): Reads {
  /** undefined for what is not there, which `also` means in some calls */
  const asked = async <T>(
    path: string,
    work: (sftp: SFTPWrapper, done: Done<T>) => void,
    also: readonly number[] = []
  ): Promise<T | undefined> => {
    try {
      return await call(path, work)
    } catch (thrown) {
      const { code } = thrown as SftpError
      if (!(thrown instanceof Fault) && (code === missingCode || also.includes(code ?? 0))) return undefined
      throw faultOf(host.name, path, thrown)
    }
  }
  const reads: Reads = {
    async stat(path) {
      const stats = await asked<Stats>(path, (sftp, done) => sftp.lstat(path, done))
      return stats && statOf(stats)
    },
    async read(path) {
      const stats = await asked<Stats>(path, (sftp, done) => sftp.stat(path, done))
      if (!stats) return undefined
      if (stats.isDirectory()) throw fileFault(host.name, path, 'Is a directory')
      if (stats.size > outputLimit) throw fileFault(host.name, path, `${stats.size} bytes are too many`)
      return asked<Buffer>(path, (sftp, done) => readBounded(sftp, path, done))
    },
    async list(path) {
      const names = await asked<string[]>(path, (sftp, done) => listBounded(sftp, path, done))
      return names?.sort()
    },
    // what is no link is a failure, or to OpenSSH a bad message (EINVAL)
    readLink: (path) => asked<string>(path, (sftp, done) => sftp.readlink(path, done), [4, 5]),
    async realPath(path) {
      const real = await asked<string>(path, (sftp, done) => sftp.realpath(path, done))
      // it also answers for a last part that is not there
      const stats =
        real === undefined ? undefined : await asked<Stats>(real, (sftp, done) => sftp.stat(real, done))
      return stats && real
    },
    async hash(path) {
      const bytes = await reads.read(path)
      return bytes && hash('sha256', bytes, 'hex')
    }
  }
  return reads
}

/** of the protocol, for the end of a file and of a folder */
const endCode = 1
const isEnd = (error: SftpError | undefined) => error?.code === endCode
const pieceSize = 32_768
/** entries of one folder */
const mostEntries = 100_000

/** A file up to its end, or to one byte more than is taken: what a server says of its size binds nobody. */
function readBounded(sftp: SFTPWrapper, path: string, done: Done<Buffer>): void {
  sftp.open(path, 'r', (refused, handle) => {
    if (refused) return done(refused)
    const pieces: Buffer[] = []
    const ended = (error: Error | null, content?: Buffer) => sftp.close(handle, () => done(error, content))
    const next = (at: number) =>
      sftp.read(handle, Buffer.alloc(pieceSize), 0, pieceSize, at, (error, count, piece) => {
        if (isEnd(error) || (!error && count === 0)) return ended(null, Buffer.concat(pieces))
        if (error) return ended(error)
        pieces.push(piece.subarray(0, count))
        if (at + count > outputLimit) return ended(new Error(`more than ${outputLimit} bytes are too many`))
        return next(at + count)
      })
    next(0)
  })
}

/** The names in a folder. */
function listBounded(sftp: SFTPWrapper, path: string, done: Done<string[]>): void {
  sftp.opendir(path, (refused, handle) => {
    if (refused) return done(refused)
    const names: string[] = []
    const ended = (error: Error | null) => sftp.close(handle, () => done(error, error ? undefined : names))
    const next = () =>
      sftp.readdir(handle, (error, entries) => {
        if (isEnd(error)) return ended(null)
        if (error) return ended(error)
        for (const { filename } of entries) names.push(filename)
        if (names.length > mostEntries)
          return ended(new Error(`more than ${mostEntries} entries are too many`))
        return next()
      })
    next()
  })
}

/** SFTP tells whole seconds: who changed within the one that is asked for is asked about by a command. */
function changedAfter({ host, call, shell }: Omit<Parts, 'reads'>): HostFiles['changedAfter'] {
  const secondOf = async (path: string): Promise<number> => {
    try {
      const { mtime } = await call<Stats>(path, (sftp, done) => sftp.lstat(path, done))
      return mtime
    } catch (thrown) {
      if (!(thrown instanceof Fault) && (thrown as SftpError).code === missingCode) return 0
      throw faultOf(host.name, path, thrown)
    }
  }
  return async (paths, time) => {
    const second = Math.floor(time / 1000)
    const seconds = new Map<string, number>()
    for (const path of paths) seconds.set(path, await secondOf(path))
    const unclear = paths.filter((path) => seconds.get(path) === second)
    const changed = new Set(unclear.length === 0 ? [] : await shell.changedAfter(unclear, time))
    return paths.filter((path) => (seconds.get(path) ?? 0) > second || changed.has(path))
  }
}

interface Parts {
  readonly host: Host
  readonly call: Call
  readonly reads: Reads
  readonly shell: HostFiles
}

type Writes = Omit<
  HostFiles,
  keyof Reads | 'mtimes' | 'changedAfter' | 'copyLabel' | 'unreadable' | 'unwritable'
>

function writingFiles({ host, call, reads, shell }: Parts): Writes {
  const act = async (path: string, work: (sftp: SFTPWrapper, done: Done<unknown>) => void): Promise<void> => {
    try {
      await call(path, work)
    } catch (thrown) {
      throw await failure(call, host, path, thrown)
    }
  }
  /** an extension of OpenSSH; ssh2 throws where the server does not have it */
  const orShell = async (
    path: string,
    work: (sftp: SFTPWrapper, done: Done<unknown>) => void,
    instead: () => Promise<void>
  ): Promise<void> => {
    try {
      await call(path, work)
    } catch (thrown) {
      if (!(thrown instanceof Fault) && /not support/.test((thrown as Error).message)) return instead()
      throw faultOf(host.name, path, thrown)
    }
  }
  const give = async (path: string, { mode, uid, gid }: Owned): Promise<void> => {
    const stat = await reads.stat(path)
    if (stat && (stat.uid !== uid || stat.gid !== gid)) {
      await act(path, (sftp, done) => sftp.chown(path, uid, gid, done))
    }
    if (stat?.mode !== mode) await act(path, (sftp, done) => sftp.chmod(path, mode, done))
  }
  return {
    async write(path, content, owned) {
      const bytes = Buffer.from(content.reveal())
      const wanted = hash('sha256', bytes, 'hex')
      if ((await reads.hash(path)) !== wanted) {
        // a remainder of ours that a broken connection cut short: nothing refers to it
        await act(path, (sftp, done) => sftp.unlink(path, ignoreMissing(done)))
        await act(path, (sftp, done) => writeNew(sftp, path, bytes, done))
        if ((await reads.hash(path)) !== wanted) {
          throw fileFault(host.name, path, 'the bytes read back are not those sent')
        }
      }
      await give(path, owned)
    },
    async makeDirectory(path, owned) {
      if ((await reads.stat(path))?.kind !== 'directory') {
        await act(path, (sftp, done) => sftp.mkdir(path, { mode: 0o700 }, done))
      }
      await give(path, owned)
    },
    makeLink: (path, to) => act(path, (sftp, done) => sftp.symlink(to, path, done)),
    makeHardLink: (path, of) =>
      orShell(
        path,
        (sftp, done) => sftp.ext_openssh_hardlink(of, path, done),
        () => shell.makeHardLink(path, of)
      ),
    rename: (from, to) =>
      orShell(
        to,
        (sftp, done) => sftp.ext_openssh_rename(from, to, done),
        () => shell.rename(from, to)
      ),
    remove: (path) => act(path, (sftp, done) => sftp.unlink(path, ignoreMissing(done))),
    async removeDirectory(path) {
      const names = await reads.list(path)
      if (names === undefined || names.length > 0) return
      await act(path, (sftp, done) => sftp.rmdir(path, ignoreMissing(done)))
    },
    sync: (directories) => syncEach(call, shell, directories),
    free: (path) => freeBytes(call, shell, path)
  }
}

async function syncEach(call: Call, shell: HostFiles, directories: readonly string[]): Promise<void> {
  try {
    for (const path of directories) await call(path, (sftp, done) => syncDirectory(sftp, path, done))
  } catch (thrown) {
    if (thrown instanceof Fault || (thrown as Error).name === 'AbortError') throw thrown
    // a server that opens no directories, or lacks this extension
    await shell.sync(directories)
  }
}

async function freeBytes(call: Call, shell: HostFiles, path: string): Promise<number> {
  try {
    const space = await spaceOf(call, path)
    return space.f_frsize * space.f_bavail
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    return shell.free(path)
  }
}

function ignoreMissing(done: Done<unknown>): (error?: Error | null) => void {
  return (error) => done(error && (error as SftpError).code === missingCode ? null : error)
}

/** exclusive, closed to others, and on the disk before it is closed */
function writeNew(sftp: SFTPWrapper, path: string, bytes: Buffer, done: Done<unknown>): void {
  sftp.open(path, 'wx', { mode: 0o600 }, (error, handle) => {
    if (error) return done(error)
    const close = (failed?: Error | null) => sftp.close(handle, (error) => done(failed ?? error))
    const write = (at: number): void => {
      if (at >= bytes.length) return flush(sftp, handle, close)
      const length = Math.min(32_768, bytes.length - at)
      sftp.write(handle, bytes, at, length, at, (error) => (error ? close(error) : write(at + length)))
    }
    write(0)
  })
}

function flush(sftp: SFTPWrapper, handle: Buffer, close: (failed?: Error | null) => void): void {
  try {
    sftp.ext_openssh_fsync(handle, (error) => close(error))
  } catch {
    // a server without this extension: the directory is synchronised by a command later
    close()
  }
}

/** brings the entries of a directory to the disk, as sync(1) does */
function syncDirectory(sftp: SFTPWrapper, path: string, done: Done<unknown>): void {
  sftp.open(path, 'r', (error, handle) => {
    if (error) return done(error)
    const close = (failed?: Error | null) => sftp.close(handle, (error) => done(failed ?? error))
    try {
      sftp.ext_openssh_fsync(handle, close)
    } catch {
      close(Object.assign(new Error('the server does not support fsync'), { code: unsupportedCode }))
    }
  })
}

/** what statvfs says, as OpenSSH gives it; flag 1 is ST_RDONLY */
interface Space {
  readonly f_frsize: number
  readonly f_bavail: number
  readonly f_flag: number
}

function spaceOf(call: Call, path: string): Promise<Space> {
  return call<Space>(path, (sftp, done) => sftp.ext_openssh_statvfs(path, done))
}

/** SFTP says no more than `Failure` of a full disk and of a read-only one: the file system is asked. */
async function failure(call: Call, host: Host, path: string, thrown: unknown): Promise<Fault> {
  const fault = faultOf(host.name, path, thrown)
  if (fault.code !== 'device-refused') return fault
  try {
    const { f_bavail, f_flag } = await spaceOf(call, posix.dirname(path))
    if ((f_flag & 1) === 1) return fileFault(host.name, path, 'Read-only file system')
    if (f_bavail === 0) return fileFault(host.name, path, 'No space left on device')
  } catch {
    // a server without this extension
  }
  return fault
}

function faultOf(host: string, path: string, thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError') throw thrown
  const { code, message } = thrown as SftpError
  if (code === deniedCode) return fileFault(host, path, 'Permission denied')
  if (code === missingCode) return fileFault(host, path, 'No such file or directory')
  return fileFault(host, path, message)
}

function statOf(stats: Stats): FileStat {
  const kind = stats.isSymbolicLink()
    ? 'link'
    : stats.isDirectory()
      ? 'directory'
      : stats.isFile()
        ? 'file'
        : 'other'
  return { kind, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, size: stats.size }
}

/**
 * Files of root where the login reads most by itself: what it may not read, and everything that is written, goes
 * the other way.
 */
export function preferReading(login: HostFiles, root: HostFiles): HostFiles {
  const first =
    <T>(name: keyof Reads) =>
    async (path: string): Promise<T> => {
      try {
        return (await login[name](path)) as T
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code === 'device-right') return (await root[name](path)) as T
        throw thrown
      }
    }
  return {
    ...root,
    stat: first('stat'),
    read: first('read'),
    list: first('list'),
    readLink: first('readLink'),
    realPath: first('realPath'),
    hash: first('hash')
  }
}
