import { createHash } from 'node:crypto'

/** Roles as the device calls them. */
export type Role = 'admin' | 'resource-admin' | 'certificate-manager' | 'manager' | 'operator' | 'guest'

/** A local user. */
export interface Account {
  readonly name: string
  readonly password: string
  readonly role: Role
  /** where the role counts */
  readonly partition: 'all-partitions' | (string & {})
  /** a new device asks for another password first */
  readonly isPasswordExpired?: true
}

/** Who the device believes a request to come from. */
export type Caller = Account

/** Where a role may write over REST, below /mgmt/tm; administrators everywhere. */
const writable: Readonly<Record<Exclude<Role, 'admin'>, RegExp>> = {
  'resource-admin': /^(?!auth\/user|util\/bash)/,
  'certificate-manager': /^(sys\/(file\/ssl-|crypto\/)|sys\/config$|transaction)/,
  manager: /^(ltm\/|sys\/config$|transaction)/,
  operator: /^(ltm\/virtual\/|transaction)/,
  guest: /^$/
}

/** Who may use a path at all, before the partition of an object counts. Path: below /mgmt, without a query. */
export function mayUse({ role, name }: Account, method: string, path: string): boolean {
  if (role === 'admin') return true
  if (path.startsWith('tm/')) {
    const below = path.slice(3)
    if (method === 'GET') return !below.startsWith('auth/user') || below === `auth/user/${name}`
    return writable[role].test(below)
  }
  if (path.startsWith('shared/file-transfer')) return role === 'resource-admin'
  // its own tokens, which is seen to there
  if (path.startsWith('shared/authz/tokens')) return true
  return method === 'GET' || role === 'resource-admin'
}

/** May the account see objects of a partition? */
export function maySee({ partition }: Account, of: string): boolean {
  return partition === 'all-partitions' || of === 'Common' || of === '' || of === partition
}

/** May the account change objects of a partition? */
export function mayChange({ partition }: Account, of: string): boolean {
  return partition === 'all-partitions' || of === partition
}

/** The id that messages give a user: the same for the same name. */
export function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-'
  )
}
