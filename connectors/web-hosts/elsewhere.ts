import { posix } from 'node:path'
import type { HostFiles } from '../shared/files.ts'
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

/** Why a file must be left to something else, or null. */
export async function managedElsewhere(files: HostFiles, file: PlacedFile): Promise<string | null> {
  const { path, real, own } = file
  for (const [pattern, owner] of owners) if (pattern.test(path) || pattern.test(real)) return owner
  if (own !== null) return null
  const to = await files.readLink(path)
  if (to === undefined) return null
  // a link to another name in the same directory is somebody's habit, a link out of it somebody's system
  if (posix.dirname(real) === posix.dirname(path)) return null
  return `${path} is a link to ${real}, which something else seems to keep up to date`
}
