import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

t.test('the demo scans what it starts and ends with its figures', (t) => {
  const demo = fileURLToPath(new URL('../../demo/main.ts', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.equal(stderr, '')
  const lines = stdout.trimEnd().split('\n')
  t.match(lines.at(-1), /^demo: 14 endpoints, 15 certificates, \d\d findings$/)
  t.match(lines.at(-2), /^\d+ findings above, \d+ notes that are left out$/)
  const [, told] = /(\d+) findings above/.exec(stdout) ?? []
  t.equal(stdout.match(/^ {2}(Critical|Warning) /gm)?.length, Number(told), 'it tells as many as it shows')
  const text = stdout
  for (const title of [
    'Expired',
    'Expires soon',
    'Name mismatch',
    'Self-signed',
    'Chain incomplete',
    'Untrusted root',
    'Weak key',
    'SHA-1 signature',
    'Old protocol'
  ]) {
    t.match(text, new RegExp(`(Critical|Warning) +${title}\\.`), title)
  }
  t.match(text, /mx\.example .* 1\.3 smtp/, 'STARTTLS')
  t.match(text, /www\.example .* ECDSA P-256, RSA 2048/, 'both key types')
  t.match(text, /api\.example/, 'the certificate of another name')
  t.end()
})
