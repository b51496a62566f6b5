import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Which properties of a file are compared. */
export type SnapshotDepth =
  /** type, mode, owner, content, link target */
  | 'content'
  /** and inode and time of the last change: equal only when nobody wrote */
  | 'untouched'

/** Everything below the folders as sorted lines: two are equal exactly when nothing differs. */
export function snapshot(folders: readonly string[], depth: SnapshotDepth): string {
  return folders.flatMap((folder) => linesOf(folder, depth)).join('\n')
}

function linesOf(path: string, depth: SnapshotDepth): string[] {
  const stat = lstatSync(path, { bigint: true })
  const type = stat.isSymbolicLink() ? 'link' : stat.isDirectory() ? 'folder' : 'file'
  const detail =
    type === 'link'
      ? readlinkSync(path)
      : type === 'file'
        ? createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)
        : ''
  const who = `${(stat.mode & 0o7777n).toString(8)} ${stat.uid}:${stat.gid}`
  const touched = depth === 'untouched' ? ` ${stat.ino} ${stat.mtimeNs}` : ''
  const own = `${path} ${type} ${who} ${detail}${touched}`
  if (type !== 'folder') return [own]
  const inside = readdirSync(path)
    .sort()
    .flatMap((name) => linesOf(join(path, name), depth))
  return [own, ...inside]
}
