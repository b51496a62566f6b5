import type { Secret } from '../../core/secret.ts'

/** What lstat says. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  /** permission bits, e.g. 0o600 */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
}

/** Who may read a file. */
export interface Owned {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/**
 * Files of a host. What is not there is a value (undefined, or nothing done); faults of all methods: device-right,
 * device-full, device-refused, device-unreachable.
 */
export interface HostFiles {
  stat(path: string): Promise<FileStat | undefined>
  /** up to 16 MiB */
  read(path: string): Promise<Buffer | undefined>
  /** names in a directory, sorted, without `.` and `..` */
  list(path: string): Promise<readonly string[] | undefined>
  /** what a symbolic link says */
  readLink(path: string): Promise<string | undefined>
  /** the path without any symbolic link in it; undefined when it leads nowhere */
  realPath(path: string): Promise<string | undefined>
  /**
   * Writes a new file, at no moment readable for more than its owner and `owned` says, to the disk, and reads its
   * hash back. A file that is there must hold the same already: then only its rights are set.
   */
  write(path: string, content: Secret, owned: Owned): Promise<void>
  /** SHA-256 of the content, lower-case hex */
  hash(path: string): Promise<string | undefined>
  /**
   * When each of them was changed last, milliseconds by the host's clock with fractions; 0 for what is not there. Links
   * are not followed.
   */
  mtimes(paths: readonly string[]): Promise<readonly number[]>
  /** those of the paths that were changed after a time (milliseconds by the host's clock, with fractions) */
  changedAfter(paths: readonly string[], time: number): Promise<readonly string[]>
  /** makes a directory, or gives one that is there these rights */
  makeDirectory(path: string, owned: Owned): Promise<void>
  makeLink(path: string, to: string): Promise<void>
  /** another name for the same file */
  makeHardLink(path: string, of: string): Promise<void>
  /** replaces what is there at one moment */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** an empty directory; one that holds something stays */
  removeDirectory(path: string): Promise<void>
  /** brings the entries of directories to the disk */
  sync(directories: readonly string[]): Promise<void>
  /** gives a file the SELinux label of another, where there are labels */
  copyLabel(from: string, to: string): Promise<void>
  /** bytes that are free for us where the path lies */
  free(path: string): Promise<number>
  /** those of the paths that we may not read */
  unreadable(paths: readonly string[]): Promise<readonly string[]>
  /** those of the paths that are no directories in which we may make files */
  unwritable(directories: readonly string[]): Promise<readonly string[]>
}

/** What a session remembers of its host: a connection is to one system, as one login, from its start to its end. */
export interface KnownOfHost {
  /** has it SELinux? undefined: not asked yet */
  labels?: boolean
}

/** The acts that only look. */
export type FileReads = Pick<
  HostFiles,
  | 'stat'
  | 'read'
  | 'list'
  | 'readLink'
  | 'realPath'
  | 'hash'
  | 'mtimes'
  | 'changedAfter'
  | 'free'
  | 'unreadable'
  | 'unwritable'
>
