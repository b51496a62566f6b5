import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { openSiteVault } from '../../appliance/automation/open-vault.ts'
import { openerOf, unwrapped } from '../../appliance/vault/data-key.ts'
import type { Owner } from '../../appliance/vault/vault.ts'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { openStore } from '../../sensor/store/store.ts'
import { type Certificate, pemOf } from '../peers/certificates.ts'
import { type Sought, soughtKey } from '../peers/secret-search.ts'
import { secretFile } from './appliance-world.ts'

/** The private numbers of a key, which every form of it contains, and its PEM, which may be written in base64 again. */
export function numbersOf(name: string, pem: string): Sought[] {
  return soughtKey(name, pem).filter((one) => / (d|p|q|PEM pkcs8)$/.test(one.name))
}

/** Every secret in the vault of a state directory, opened as the product does. */
export async function vaultSecrets(state: string, config: string): Promise<Sought[]> {
  const store = openStore({ directory: state, busyMs: 5_000 })
  try {
    const place = { store, where: { state, config }, clock: systemClock, random: systemRandom }
    const { vault } = await openSiteVault({
      ...place,
      credentialsDirectory: undefined,
      askPassphrase: async () => null
    })
    const row = store.sealed.key()
    if (!row) throw new Error('the vault has a key')
    const opener = await openerOf({ kind: 'file', path: join(config, 'vault.key') }, row.source)
    const dataKey = { name: `data key ${row.version}`, value: unwrapped(row, opener).key.export() }
    const kept = store.sealed.page(0, 1_000).flatMap(({ ownerKind, ownerId, field }) => {
      const value = vault.get({ kind: ownerKind as Owner['kind'], id: ownerId }, field).reveal()
      const name = `${field} of ${ownerKind} ${ownerId}`
      return value.includes('BEGIN PRIVATE KEY') ? numbersOf(name, value) : [{ name, value }]
    })
    return [dataKey, ...kept]
  } finally {
    store.close()
  }
}

/** The keys that lie on a host, by their files. */
export function keysIn(folder: string): Sought[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return []
    const path = join(entry.parentPath, entry.name)
    const text = readFileSync(path, 'utf8')
    const pem = /-----BEGIN (EC |RSA )?PRIVATE KEY-----[^-]+-----END (EC |RSA )?PRIVATE KEY-----/.exec(
      text
    )?.[0]
    return pem ? numbersOf(`key ${path}`, pem) : []
  })
}

/** The seed of an Ed25519 key in the format of OpenSSH, without a passphrase (PROTOCOL.key). */
export function seedOf(privateKey: string): Buffer {
  const blob = Buffer.from(privateKey.replace(/-----[^-]+-----/g, ''), 'base64')
  // … string public key (32), string seed and public key (64), comment
  const type = blob.indexOf('ssh-ed25519', blob.lastIndexOf('ssh-ed25519') - 1)
  const publicKey = blob.subarray(type + 15, type + 47)
  const end = blob.lastIndexOf(publicKey)
  return blob.subarray(end - 32, end)
}

/** A certificate with its key as PKCS#12, made by openssl; the password is not an argument. */
export function pkcs12(folder: string, { chain, keyPem }: Certificate, password: string): string {
  const from = secretFile(folder, 'for-pkcs12.pem', pemOf(chain) + keyPem)
  const pass = secretFile(folder, 'for-pkcs12.password', `${password}\n`)
  const to = join(folder, 'bought.p12')
  execFileSync('openssl', ['pkcs12', '-export', '-in', from, '-out', to, '-passout', `file:${pass}`])
  return to
}

/** A copy of an OpenSSH key that only this passphrase opens. */
export function withPassphrase(folder: string, key: string, passphrase: string): string {
  const path = secretFile(folder, 'login', key)
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', passphrase, '-f', path])
  return path
}

/** Everything that the running appliance answers to these calls over its socket. */
export function answersOf(
  socket: string,
  calls: readonly (readonly [call: string, ...args: unknown[]])[]
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const stream = connect(socket)
  let heard = ''
  stream.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
    const ended = heard.split('\n').filter((line) => /^\{[^{]*"(result|fault)"/.test(line))
    if (ended.length >= calls.length) stream.end()
  })
  stream.on('close', () => resolve(heard))
  stream.on('error', reject)
  for (const [id, [call, ...args]] of calls.entries()) {
    stream.write(`${JSON.stringify({ id: id + 1, call, args })}\n`)
  }
  return promise
}
