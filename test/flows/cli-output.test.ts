import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines } from './cli.ts'

const launcher = fileURLToPath(new URL('../../bin/tlsward.js', import.meta.url))
const bench = createBench()
const peer = await startTls({ show: [createCertificate({ names: ['one.test'] })] })
const isRoot = process.getuid?.() === 0
const hasFullDisk = existsSync('/dev/full')

t.teardown(async () => {
  bench.remove()
  await peer.close()
})

/** Runs the CLI with its standard output on a device that is always full. */
function onFullDisk(...words: string[]) {
  const env = { PATH: process.env['PATH'] ?? '', TLSWARD_STATE: bench.state }
  const code = 'exec "$@" > /dev/full'
  const ran = spawnSync('sh', ['-c', code, 'sh', process.execPath, launcher, ...words], { env })
  return { code: ran.status, stderr: ran.stderr.toString() }
}

t.test(
  'results that find the disk full are a fault in words',
  { skip: !hasFullDisk && 'no /dev/full' },
  async (t) => {
    t.equal((await bench.run(['scan', `127.0.0.1:${peer.port}`, '-q'])).code, 0)
    for (const words of [
      ['--version'],
      ['--help'],
      ['inventory'],
      ['inventory', '--json'],
      ['scans', '--csv']
    ]) {
      const ran = onFullDisk(...words)
      t.equal(ran.code, 3, `${words.join(' ')}: ${ran.stderr}`)
      t.match(
        ran.stderr,
        /^tlsward: Standard output cannot be written \(the disk is full\)\. Name a file .*\[file-unwritable\]\n$/
      )
    }
  }
)

t.test(
  'a scan whose results find the disk full stops, and can go on',
  { skip: !hasFullDisk && 'no /dev/full' },
  async (t) => {
    const hosts = Array.from({ length: 250 }, (_, at) => `127.0.9.${at + 1}:1`)
    const ran = onFullDisk('scan', `127.0.0.1:${peer.port}`, ...hosts, '--rate', '1', '--csv')
    t.equal(ran.code, 3, ran.stderr)
    t.match(ran.stderr, /Go on with: tlsward scan --resume 2\ntlsward: Standard output cannot be written/)
    t.match(jsonLines((await bench.run(['scans', '--json'])).stdout)[0], { id: 2, state: 'stopped' })
  }
)

t.test('a file of results changes hands only when all of it is there', async (t) => {
  const directory = join(bench.state, 'out')
  mkdirSync(directory)
  const file = join(directory, 'results.csv')
  writeFileSync(file, 'from yesterday\n')
  chmodSync(file, 0o640)
  symlinkSync(file, join(directory, 'link'))
  for (const words of [
    ['inventory', '--csv', '--finding', 'ugly'],
    ['scan', '10.0.0.0/33'],
    ['scan', '127.0.0.1', '--exclude', '127.0.0.0/8']
  ]) {
    t.equal((await bench.run([...words, '-o', file])).code, 2)
    t.equal(readFileSync(file, 'utf8'), 'from yesterday\n', words.join(' '))
  }
  const ran = await bench.run(['inventory', '--csv', '-o', join(directory, 'link')])
  t.equal(ran.code, 0, ran.stderr)
  t.match(
    readFileSync(file, 'utf8'),
    /^address,port,[^]*one\.test/,
    'what a link names is replaced, not the link'
  )
  t.equal(statSync(file).mode & 0o777, 0o640, 'with the rights that it had')
  t.same(readdirSync(directory).toSorted(), ['link', 'results.csv'], 'and nothing else is left')
  t.equal((await bench.run(['inventory', '--csv', '-o', '/dev/null'])).code, 0)
})

t.test('a file of results that cannot be is refused before anything is done', async (t) => {
  for (const [file, why] of [
    ['/no/such/directory/file', /there is no such file/],
    [bench.state, /it is a directory/]
  ] as const) {
    const ran = await bench.run(['scan', `127.0.0.1:${peer.port}`, '-o', file])
    t.equal(ran.code, 3)
    t.match(ran.stderr, why)
    t.match(ran.stderr, /--output .* cannot be written .*\[file-unwritable\]/)
  }
})

t.test(
  'a file that may not be written is not replaced',
  { skip: isRoot && 'root may write everywhere' },
  async (t) => {
    const file = join(bench.state, 'kept.csv')
    writeFileSync(file, 'kept')
    chmodSync(file, 0o444)
    t.equal((await bench.run(['inventory', '--csv', '-o', file])).code, 3)
    t.equal(readFileSync(file, 'utf8'), 'kept')
  }
)
