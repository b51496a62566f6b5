// A root of one's own that is made known after the scan: what is shown next is judged by it, and so is what comes
// after it is taken away.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines } from './cli.ts'

const root = createAuthority('House Root')
const shown = createCertificate({ names: ['intra.test'], issuer: root })
const bench = createBench()
const peer = await startTls({ show: [shown], chain: [shown, root] })
t.teardown(async () => {
  bench.remove()
  await peer.close()
})

const config = join(bench.state, '..', 'config')
const authorities = join(config, 'authorities.pem')
const elsewhere = join(bench.state, '..', 'root.pem')

/** what the inventory finds, with these options */
async function codes(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await bench.run(['inventory', '--json', ...words])
  t.equal(code, 0, stderr)
  const [endpoint = {}] = jsonLines(stdout)
  return (endpoint['findings'] as { code: string }[]).map((one) => one.code)
}

t.test('an own root counts from the next command on, and no longer once it is gone', async (t) => {
  mkdirSync(config, { recursive: true })
  writeFileSync(elsewhere, root.pem)
  const ran = await bench.run(['scan', `127.0.0.1:${peer.port}`, '-q'])
  t.equal(ran.code, 0, ran.stderr)
  t.match(await codes(), ['untrusted-root'])
  const remedy = await bench.run(['inventory', '--details'])
  t.match(
    remedy.stdout.replaceAll(/\s+/g, ' '),
    /add it to authorities\.pem in the directory of settings, or name its file by --ca FILE/
  )

  t.notMatch(await codes('--ca', elsewhere), ['untrusted-root'], '--ca holds for the command')
  t.match(await codes(), ['untrusted-root'], 'and for that one only')
  writeFileSync(authorities, root.pem)
  t.notMatch(await codes(), ['untrusted-root'])
  const show = await bench.run(['certificate', 'show', shown.fingerprint, '--json'])
  t.match(jsonLines(show.stdout)[0], { inventory: { trust: 'private' } })

  rmSync(authorities)
  const after = await bench.run(['certificate', 'show', shown.fingerprint, '--json'])
  t.match(jsonLines(after.stdout)[0], { inventory: { trust: null, findings: [{ code: 'untrusted-root' }] } })
})
