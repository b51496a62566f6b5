import { chmodSync, chownSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Secret } from '../../core/secret.ts'
import type { KeySource } from '../../appliance/vault/key-source.ts'
import type { Owner } from '../../appliance/vault/vault.ts'
import { device, place, vaultOn } from './vault-world.ts'

const owner: Owner = device('7')
const passphrase = (text: string): KeySource => ({ kind: 'passphrase', passphrase: new Secret(text) })

t.test('the key file is made once, for this account only', async (t) => {
  const { sealed, file } = place(t)
  await vaultOn(sealed, file)
  const before = readFileSync(file.path, 'utf8')
  t.match(before, /^tlsward-vault-key-1 [0-9a-f]{64}\n$/)
  t.equal(statSync(file.path).mode & 0o777, 0o600)
  t.equal(statSync(join(file.path, '..')).mode & 0o777, 0o700)
  await vaultOn(sealed, file)
  t.equal(readFileSync(file.path, 'utf8'), before)
})

t.test(
  'a place in which no folder can be made is refused at once',
  { skip: existsSync('/proc/self') ? false : 'there is no /proc' },
  async (t) => {
    // there mkdir(2) says that the folder above is missing, for ever
    const path = '/proc/self/missing/deep/vault.key'
    await t.rejects(vaultOn(place(t).sealed, { kind: 'file', path }), {
      code: 'file-unwritable',
      message: `vault: the key file ${path} cannot be made (ENOENT)`
    })
  }
)

t.test('a key file that is there already is used for a new database', async (t) => {
  const { sealed, file } = place(t)
  await vaultOn(sealed, file)
  const before = readFileSync(file.path, 'utf8')
  const other = place(t)
  const vault = await vaultOn(other.sealed, file)
  vault.put(owner, 'password', new Secret('secret'))
  t.equal(readFileSync(file.path, 'utf8'), before)
})

t.test('a key file that others can read or write, or that is a link, is refused', async (t) => {
  const { sealed, file, directory } = place(t)
  await vaultOn(sealed, file)
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601]) {
    chmodSync(file.path, mode)
    await t.rejects(vaultOn(sealed, file), { code: 'vault-key-unsafe', kind: 'denied', message: /mode 0600/ })
  }
  chmodSync(file.path, 0o600)
  // only root can give a file away
  if (process.getuid?.() === 0) {
    chownSync(file.path, 65_534, 65_534)
    await t.rejects(vaultOn(sealed, file), { code: 'vault-key-unsafe', message: /belongs to user 65534/ })
    chownSync(file.path, 0, 0)
  }
  const link = join(directory, 'link')
  symlinkSync(file.path, link)
  await t.rejects(vaultOn(sealed, { kind: 'file', path: link }), { code: 'vault-locked', message: /link/ })
  await t.rejects(vaultOn(sealed, { kind: 'file', path: directory }), {
    code: 'vault-locked',
    message: /regular/
  })
})

t.test('a key file that is lost is not made anew: the records would be lost', async (t) => {
  const { sealed, file, directory } = place(t)
  await vaultOn(sealed, file)
  const missing = { kind: 'file', path: join(directory, 'elsewhere.key') } as const
  await t.rejects(vaultOn(sealed, missing), {
    code: 'vault-locked',
    message: /no such file; put back the file that the vault was sealed with/
  })
  t.notOk(existsSync(missing.path))
  for (const text of ['', 'tlsward-vault-key-1 00\n', `tlsward-vault-key-2 ${'0'.repeat(64)}\n`]) {
    writeFileSync(missing.path, text, { mode: 0o600 })
    await t.rejects(vaultOn(sealed, missing), { code: 'vault-locked', message: /does not hold a key/ })
  }
})

t.test('another key file does not open the vault', async (t) => {
  const { sealed, file } = place(t)
  const vault = await vaultOn(sealed, file)
  vault.put(owner, 'password', new Secret('secret'))
  const other = place(t)
  await vaultOn(other.sealed, other.file)
  await t.rejects(vaultOn(sealed, other.file), {
    code: 'vault-locked',
    message: /this file does not open it/
  })
})

t.test('a passphrase opens it, however its letters are composed, and no other does', async (t) => {
  const { sealed, file } = place(t)
  const vault = await vaultOn(sealed, passphrase('zw\u00f6lf B\u00e4ume am See'))
  vault.put(owner, 'password', new Secret('secret'))
  const again = await vaultOn(sealed, passphrase('zwo\u0308lf Ba\u0308ume am See'))
  t.equal(again.get(owner, 'password').reveal(), 'secret')
  t.match(JSON.parse(sealed.key()?.source ?? ''), {
    kind: 'passphrase',
    memory: 65536,
    passes: 3,
    parallelism: 4
  })
  await t.rejects(vaultOn(sealed, passphrase('zwölf Bäume am Meer')), {
    code: 'vault-locked',
    message: /this passphrase does not open it/
  })
  await t.rejects(vaultOn(sealed, file), {
    code: 'vault-locked',
    message: /opened by a passphrase, and a file was given/
  })
})

t.test('a passphrase that is too short seals nothing', async (t) => {
  const { sealed } = place(t)
  await t.rejects(vaultOn(sealed, passphrase('elf zeichen')), { code: 'vault-source-malformed' })
  t.equal(sealed.key(), undefined)
})

t.test('what is kept about the passphrase cannot be altered, nor made to fill the memory', async (t) => {
  const { sealed, db } = place(t)
  await vaultOn(sealed, passphrase('correct horse battery'))
  const source = sealed.key()?.source ?? ''
  const set = db().prepare('UPDATE sealed_key SET source = ?')
  for (const [altered, code] of [
    [source.replace('65536', '1024'), 'vault-locked'],
    [source.replace('{', '{ '), 'vault-locked'],
    [source.replace('65536', '999999999'), 'vault-broken'],
    [source.slice(1), 'vault-broken'],
    ['{"kind":"file","salt":"00"}', 'vault-broken']
  ] as const) {
    set.run(altered)
    await t.rejects(vaultOn(sealed, passphrase('correct horse battery')), { code }, altered)
  }
})

t.test('a systemd credential opens it, byte for byte', async (t) => {
  const { sealed, directory } = place(t)
  const credential = (name: string, of?: string): KeySource => ({
    kind: 'systemd-credential',
    name,
    directory: of ?? directory
  })
  const bytes = Buffer.from(Array.from({ length: 32 }, (_, at) => 255 - at))
  writeFileSync(join(directory, 'kek'), bytes, { mode: 0o400 })
  const vault = await vaultOn(sealed, credential('kek'))
  vault.put(owner, 'password', new Secret('secret'))
  t.equal((await vaultOn(sealed, credential('kek'))).get(owner, 'password').reveal(), 'secret')
  writeFileSync(join(directory, 'other'), Buffer.concat([bytes, Buffer.from('\n')]))
  writeFileSync(join(directory, 'short'), bytes.subarray(1))
  await t.rejects(vaultOn(sealed, credential('other')), { code: 'vault-locked' })
  await t.rejects(vaultOn(sealed, credential('short')), { code: 'vault-source-malformed' })
  await t.rejects(vaultOn(sealed, credential('none')), {
    code: 'vault-locked',
    message: /LoadCredentialEncrypted=none:/
  })
  await t.rejects(vaultOn(sealed, credential('../kek')), { code: 'vault-source-malformed' })
  const outside = { kind: 'systemd-credential', name: 'kek', directory: undefined } as const
  await t.rejects(vaultOn(sealed, outside), { code: 'vault-locked', message: /no service with credentials/ })
})
