import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { FileReads, FileStat } from './files.ts'
import type { Host } from './host.ts'

/** A host as it is looked at. */
export interface Looks {
  readonly host: Pick<Host, 'run'>
  readonly files: Pick<FileReads, 'stat' | 'readLink' | 'read'>
}

/** What lies at a path, seen from the root downwards. */
interface Seen {
  /** without symbolic links in it */
  readonly real: string
  /** why others could change what the path leads to, or null */
  readonly why: string | null
  /** a folder like /tmp: everybody makes entries, and nobody touches those of others */
  readonly isOpen: boolean
  readonly isThere: boolean
}

const maxLinks = 40

/**
 * Which paths can be changed by none but trusted accounts: neither the file nor any folder on the way to it. Each path
 * is looked at from the root downwards, links followed: once a folder is seen to be closed nobody else can exchange what
 * is in it, so that what was looked at is what is used later. An ACL that lets others write shows in the bits of the
 * group (acl(5)). File systems that lie of owners (FUSE, NFS from a foreign server) are believed.
 *
 * Looks at each path once: made for one call of a session.
 */
export class TrustedPaths {
  readonly #looks: Looks
  readonly #uids: ReadonlySet<number>
  readonly #seen = new Map<string, Seen>()
  #accounts: Promise<Accounts> | undefined

  /** `uids`: accounts that may change everything that is asked for */
  constructor(looks: Looks, uids: Iterable<number>) {
    this.#looks = looks
    this.#uids = new Set(uids)
  }

  /** The same with more trusted accounts. */
  and(uids: readonly number[]): TrustedPaths {
    return new TrustedPaths(this.#looks, [...this.#uids, ...uids])
  }

  /**
   * Why others can change what the path leads to, with the remedy; null: they cannot. A file that is not there must not
   * be made by others either. Faults: device-right, where the login may not look.
   */
  async exposure(path: string): Promise<string | null> {
    return (await this.#look(plain(path), 0)).why
  }

  /** The same of a folder in which nobody else may even make entries. */
  async folderExposure(path: string): Promise<string | null> {
    const { why, isOpen } = await this.#look(plain(path), 0)
    if (why !== null || !isOpen) return why
    return `everybody can make files in ${path}: use another folder, or chmod o-w ${path}`
  }

  /**
   * Why others can put something else in the place of an entry, a socket, or null. Who may write to it is not looked at.
   */
  async entryExposure(path: string): Promise<string | null> {
    const folder = await this.#look(posix.dirname(plain(path)), 0)
    if (folder.why !== null || !folder.isOpen) return folder.why
    const stat = await this.#looks.files.stat(posix.join(folder.real, posix.basename(path)))
    if (stat && stat.kind !== 'link' && this.#uids.has(stat.uid)) return null
    return `everybody can make files in ${posix.dirname(path)}, and ${path} is not made by a trusted account`
  }

  /** A name for an account. */
  async nameOf(uid: number): Promise<string> {
    return (await this.#known()).users.find((user) => user.uid === uid)?.name ?? `account ${uid}`
  }

  async #look(path: string, links: number): Promise<Seen> {
    const known = this.#seen.get(path)
    if (known) return known
    const seen = await (path === '/' ? this.#judge('/', undefined, links) : this.#below(path, links))
    this.#seen.set(path, seen)
    return seen
  }

  async #below(path: string, links: number): Promise<Seen> {
    const folder = await this.#look(posix.dirname(path), links)
    if (folder.why !== null || !folder.isThere) return folder
    const name = posix.basename(path)
    // above where a link leads to, not beside the link; that folder is closed as well, or nothing below it would be
    if (name === '..') return this.#look(posix.dirname(folder.real), links)
    return this.#judge(posix.join(folder.real, name), folder, links)
  }

  async #judge(at: string, folder: Seen | undefined, links: number): Promise<Seen> {
    const stat = await this.#looks.files.stat(at)
    const seen = { real: at, why: null, isOpen: false, isThere: stat !== undefined }
    if (folder?.isOpen && !(stat && this.#uids.has(stat.uid))) {
      const whose = stat ? `belongs to ${await this.nameOf(stat.uid)}` : 'is not there'
      const why = `${at} ${whose}, and everybody can make files in ${folder.real}: use another folder, or chmod o-w ${folder.real}`
      return { ...seen, why }
    }
    if (stat?.kind === 'link') {
      // who owns a link cannot change it
      if (links >= maxLinks) return { ...seen, why: `${at} is one of too many links` }
      const to = (await this.#looks.files.readLink(at)) ?? ''
      return this.#look(plain(to.startsWith('/') ? to : `${posix.dirname(at)}/${to}`), links + 1)
    }
    if (!stat) return seen
    const why = await this.#writers(at, stat)
    const isSticky = stat.kind === 'directory' && (stat.mode & 0o1000) !== 0
    // in such a folder each entry is looked at by itself
    if (why !== null && isSticky && this.#uids.has(stat.uid)) return { ...seen, isOpen: true }
    return { ...seen, why }
  }

  async #writers(at: string, { mode, uid, gid, kind }: FileStat): Promise<string | null> {
    if (!this.#uids.has(uid)) {
      const name = await this.nameOf(uid)
      return `${at} belongs to ${name}: chown root ${at}, or name the account in programAccounts if it may do what the login may`
    }
    const what = kind === 'directory' ? 'make and replace files in' : 'write to'
    if ((mode & 0o002) !== 0) return `every account can ${what} ${at}: chmod o-w ${at}`
    if ((mode & 0o020) === 0) return null
    const others = (await this.#othersIn(gid)) ?? (await this.#othersByAcl(at))
    return others === null ? null : `${others} can ${what} ${at}: chmod g-w ${at}`
  }

  /** whom a group has besides trusted accounts, in words; null: nobody */
  async #othersIn(gid: number): Promise<string | null> {
    const { users, groups } = await this.#known()
    const group = groups.find((group) => group.gid === gid)
    // a group of a directory service: who is in it is not seen here
    if (!group) return `group ${gid}`
    const isTrusted = (name: string) => users.some((user) => user.name === name && this.#uids.has(user.uid))
    const first = users.filter((user) => user.gid === gid).map(({ name }) => name)
    const others = [...first, ...group.members].filter((name) => !isTrusted(name))
    return others.length === 0 ? null : `group ${group.name}`
  }

  /** whom an ACL may name, in words; null: there is none. Only GNU's ls tells, by a plus sign. */
  async #othersByAcl(at: string): Promise<string | null> {
    const ran = await this.#looks.host.run(['ls', '-ld', '--quoting-style=literal', '--', at])
    const hasNone = ran.code === 0 && /^[^+]{11}/.test(ran.stdout.toString())
    return hasNone ? null : 'whoever its ACL names (getfacl)'
  }

  #known(): Promise<Accounts> {
    this.#accounts ??= accountsOf(this.#looks)
    return this.#accounts
  }
}

/** An absolute path without empty parts. Steps upwards stay: where they lead depends on links (path_resolution(7)). */
function plain(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  return `/${parts.join('/')}`
}

/** The local accounts of a host: passwd(5), group(5). */
interface Accounts {
  readonly users: readonly { readonly name: string; readonly uid: number; readonly gid: number }[]
  readonly groups: readonly {
    readonly name: string
    readonly gid: number
    readonly members: readonly string[]
  }[]
}

async function accountsOf({ files }: Looks): Promise<Accounts> {
  const rows = async (path: string) =>
    (await textOf(files, path)).split('\n').flatMap((line) => (line === '' ? [] : [line.split(':')]))
  return {
    users: (await rows('/etc/passwd')).map(([name = '', , uid, gid]) => ({
      name,
      uid: Number(uid),
      gid: Number(gid)
    })),
    groups: (await rows('/etc/group')).map(([name = '', , gid, members = '']) => ({
      name,
      gid: Number(gid),
      members: members.split(',').filter((member) => member !== '')
    }))
  }
}

async function textOf(files: Looks['files'], path: string): Promise<string> {
  try {
    return (await files.read(path))?.toString() ?? ''
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'device-right') return ''
    throw thrown
  }
}
