import { posix } from 'node:path'
import type { HostFiles } from '../shared/files.ts'
import { ownLink } from '../shared/generations.ts'
import type { PlacedFile } from './targets.ts'

/** Places that belong to software which writes certificates itself, and would undo what we do. */
const owners: readonly (readonly [pattern: RegExp, owner: string])[] = [
  [/^\/etc\/letsencrypt\//, 'certbot renews it (/etc/letsencrypt)'],
  [/\/\.acme\.sh\/|^\/etc\/acme\.sh\//, 'acme.sh renews it'],
  [/^\/(var\/lib|etc)\/dehydrated\//, 'dehydrated renews it'],
  [/^\/var\/lib\/(acme|caddy|traefik)\//, 'another ACME client renews it'],
  [/^\/(usr\/local|opt)\/psa\//, 'Plesk manages it'],
  [/^\/var\/cpanel\/|^\/etc\/apache2\/conf\.d\/cpanel/, 'cPanel manages it'],
  [/^\/usr\/local\/directadmin\//, 'DirectAdmin manages it'],
  [/^\/etc\/apache2\/md\/|\/md\/(domains|staging)\//, 'mod_md manages it'],
  [/\/\.\.data\/|\/\.\.\d{4}_\d\d_\d\d/, 'it comes from a Kubernetes secret'],
  [/^\/nix\/store\//, 'it lies in the Nix store'],
  [/^\/etc\/pve\//, 'Proxmox manages it']
]

/** links that are followed within one directory */
const maxLinks = 8

/** Why a file must be left to something else, or null. */
export async function managedElsewhere(files: HostFiles, { path, real }: PlacedFile): Promise<string | null> {
  for (const [pattern, owner] of owners) if (pattern.test(path) || pattern.test(real)) return owner
  let at = path
  for (let hop = 0; hop < maxLinks; hop++) {
    const to = await files.readLink(at)
    if (to === undefined || (await ownLink(files, at, to))) return null
    const next = posix.resolve(posix.dirname(at), to)
    // a link to another name in the same directory is somebody's habit, a link out of it somebody's system
    if (posix.dirname(next) !== posix.dirname(at)) break
    at = next
  }
  return `${path} is a link to ${real}, which something else seems to keep up to date`
}
