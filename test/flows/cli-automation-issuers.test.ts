import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAuthority, createCertificate, pemOf } from '../peers/certificates.ts'
import { exportPkcs12, signAtDesk } from '../peers/desk-ca.ts'
import { opensslMissing } from '../peers/openssl.ts'
import { skipFor } from '../peers/process.ts'
import { automationHost, issuedFor, ofType, quick } from './automation-host.ts'
import { createBench, jsonLines } from './cli.ts'

const missing = opensslMissing()
const openssl = { skip: skipFor(missing) }

t.test('a person takes the CSR to a CA and hands in the certificate', openssl, async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host
  t.equal((await run('issuer', 'add', 'desk', 'manual')).code, 0)
  t.equal((await run('profile', 'set', 'desk', 'issuer=desk', ...quick)).code, 0)

  const waits = await run('replace', target, '--profile', 'desk', '--yes')
  t.equal(waits.code, 12, waits.stderr)
  t.match(waits.stdout, /Event 1 is issuing: take shop\.test\.csr to your CA/)
  t.match(waits.stderr, /tlsward events csr 1 .*tlsward events certificate 1 FILE/)
  t.equal(await host.served(), host.before.fingerprint)

  const csr = join(host.folder, 'shop.csr')
  t.equal((await run('events', 'csr', '1', '-o', csr)).code, 0)
  const authority = createAuthority('Desk CA', { issuer: createAuthority('Desk Root') })
  const stranger = join(host.folder, 'stranger.pem')
  writeFileSync(stranger, pemOf(createCertificate({ names: ['shop.test'], issuer: authority }).chain))
  const wrong = await run('events', 'certificate', '1', stranger)
  t.equal(wrong.code, 2, wrong.stderr)
  t.match(wrong.stderr, /\[chain-unfit\]/)

  const chain = await signAtDesk(csr, { authority, folder: host.folder })
  const lines = await records(0, 'events', 'certificate', '1', chain)
  const whats = ofType(lines, 'happening').map(({ what }) => what)
  t.notOk(whats.includes('requested'), 'what is known is not told again')
  t.ok(whats.includes('live'))
  const event = lines.at(-1)
  t.match(event, { type: 'event', state: 'live' })
  t.equal(await host.served(), issuedFor(event))
})

t.test('a certificate that a root has signed itself is served alone', openssl, async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host
  const small = createAuthority('Small Root')
  const names = ['shop.test', 'www.shop.test']
  const bought = createCertificate({ names, issuer: small, key: 'p256' })
  const file = join(host.folder, 'bought.pem')
  writeFileSync(file, `${pemOf([bought, small])}${bought.keyPem}`)
  await records(0, 'import', file)
  t.equal((await run('profile', 'set', 'bought', 'issuer=bought', ...quick)).code, 0)
  const ran = await run('replace', target, '--profile', 'bought', '--yes')
  t.equal(ran.code, 0, ran.stderr)
  t.equal(await host.served(), bought.fingerprint)
  const certificates = readFileSync(target.slice('host/files:'.length), 'utf8').match(/BEGIN CERTIFICATE/g)
  t.equal(certificates?.length, 1, 'without the root')

  t.equal((await run('issuer', 'add', 'desk', 'manual')).code, 0)
  t.equal((await run('profile', 'set', 'desk', 'issuer=desk', ...quick)).code, 0)
  t.equal((await run('replace', target, '--profile', 'desk', '--yes')).code, 12)
  const csr = join(host.folder, 'shop.csr')
  t.equal((await run('events', 'csr', '2', '-o', csr)).code, 0)
  const request = await run('events', 'certificate', '2', csr)
  t.match(request.stderr, /a request for a certificate \(CSR\)\. Take it to the CA/)
  await signAtDesk(csr, { authority: small, folder: host.folder })
  const alone = join(host.folder, 'desk-leaf.pem')
  const unknown = await run('events', 'certificate', '2', alone)
  t.equal(unknown.code, 2, unknown.stderr)
  t.match(unknown.stderr, /or its root where the root itself has signed\. \[chain-unfit\]/)
  const roots = join(host.folder, 'roots.pem')
  writeFileSync(roots, pemOf([small]))
  const [event] = (await records(0, 'events', 'certificate', '2', alone, '--ca', roots)).slice(-1)
  t.equal(await host.served(), issuedFor(event), 'where the root is known, the leaf is enough')
})

t.test('a certificate that was bought with its key is put in place', openssl, async (t) => {
  const host = await automationHost(t)
  const { run, records, target } = host
  const issuer = createAuthority('Shop CA', { issuer: createAuthority('Shop Root') })
  const bought = createCertificate({ names: ['shop.test', 'www.shop.test'], issuer, key: 'p256' })
  const file = join(host.folder, 'bought.pem')
  writeFileSync(file, `${pemOf(bought.chain)}${bought.keyPem}`)
  t.match(await records(0, 'import', file), [
    { type: 'imported', issuer: 'bought', fingerprint: bought.fingerprint }
  ])
  t.equal((await run('profile', 'set', 'bought', 'issuer=bought', ...quick)).code, 0)
  const ran = await run('replace', target, '--profile', 'bought', '--yes')
  t.equal(ran.code, 0, ran.stderr)
  t.match(ran.stdout, /is live: live at 1 target\n$/)
  t.equal(await host.served(), bought.fingerprint)
  t.notMatch(host.output(), /PRIVATE KEY/)

  const encrypted = join(host.folder, 'encrypted.p12')
  await exportPkcs12(file, encrypted, 'correct horse')
  const locked = await run('import', encrypted, '--name', 'other')
  t.equal(locked.code, 3, locked.stderr)
  t.match(locked.stderr, /--password-file FILE.*\[passphrase-wrong\]/)
  const password = join(host.folder, 'password')
  writeFileSync(password, 'correct horse\n')
  t.match(await records(0, 'import', encrypted, '--name', 'other', '--password-file', password), [
    { issuer: 'other', fingerprint: bought.fingerprint }
  ])
  t.notMatch(host.output(), /correct horse/)
})

t.test('when a server cannot be reloaded all is put back, and the exit code says so', async (t) => {
  const host = await automationHost(t, { reload: (folder) => `reload=${failingOnce(folder)}` })
  const { run, target } = host
  const certificate = target.slice('host/files:'.length)
  t.equal((await run('issuer', 'add', 'ca', 'private-ca')).code, 0)
  t.equal((await run('profile', 'set', 'web', 'issuer=ca', ...quick)).code, 0)
  const before = readFileSync(certificate, 'utf8')
  const ran = await run('replace', target, '--profile', 'web', '--yes')
  t.equal(ran.code, 9, `${ran.stdout}${ran.stderr}`)
  t.match(ran.stdout, /Event 1 is rolled-back: /)
  t.match(ran.stderr, /tlsward events retry 1\. It uses the certificate that was issued, and orders none\./)
  t.equal(await host.served(), host.before.fingerprint)
  t.equal(readFileSync(certificate, 'utf8'), before, 'the files are as before')

  const stale = await run('events', 'approve', '1', '--hash', '0123456789abcdef')
  t.equal(stale.code, 5, stale.stderr)
  const again = await run('events', 'retry', '1')
  t.equal(again.code, 0, `${again.stdout}${again.stderr}`)
  const [shown] = jsonLines((await run('events', 'show', '1', '--json')).stdout)
  const fingerprint = issuedFor(shown)
  t.ok(fingerprint)
  t.equal(await host.served(), fingerprint, 'the certificate that was bought first')
})

/** A program that fails when it is first called, and then has the server read its files again. */
function failingOnce(folder: string): string {
  const path = join(folder, 'reload')
  const lines = [
    '#!/bin/sh',
    `[ -e ${folder}/tried ] || { touch ${folder}/tried; echo 'no room for workers' >&2; exit 1; }`,
    `kill -HUP $(cat ${folder}/server/server.pid)`
  ]
  writeFileSync(path, lines.join('\n'), { mode: 0o755 })
  return path
}

t.test('the check of an issuer says what keeps it from giving certificates, and what to do', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const run = (...words: string[]) => bench.run(words)
  t.equal((await run('issuer', 'add', 'desk', 'manual')).code, 0)
  t.equal((await run('issuer', 'check', 'desk')).code, 0)
  t.equal((await run('issuer', 'add', 'shelf', 'import')).code, 0)
  const empty = await run('issuer', 'check', 'shelf')
  t.equal(empty.code, 5, empty.stderr)
  t.match(empty.stdout, /shelf {2}gives no certificates\n(.*\n)*.*! nothing is imported: tlsward import FILE/)

  const unread = await run('issuer', 'add', 'public', 'acme', '--settings', join(bench.state, 'none.json'))
  t.equal(unread.code, 2, unread.stderr)
  t.match(unread.stderr, /--settings .*there is no such file.*\[file-unreadable\]/)
  const noFile = await run('import', join(bench.state, 'none.p12'))
  t.match(noFile.stderr, /there is no such file.*\[file-unreadable\]/)
  t.equal((await run('issuer', 'check', 'nobody')).code, 4)
})
