import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import type { Peer } from '../peers/peer.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines, type RunningCli } from './cli.ts'

const isRoot = process.getuid?.() === 0
const databaseName = 'tlsward.db'

t.test('a state directory that is a file is refused in words', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  writeFileSync(bench.state, 'not a directory')
  for (const words of [['inventory'], ['scan', '127.0.0.1:1']]) {
    const ran = await bench.run(words)
    t.equal(ran.code, 3, ran.stderr)
    t.match(ran.stderr, /state .*\/state\/tlsward\.db: there is a file in the place of the directory/)
    t.notMatch(ran.stderr, /mkdir/)
    t.match(ran.stderr, /give --state a directory that this account may write/)
    t.match(ran.stderr, /\[state-unwritable\]/)
  }
  t.equal(readFileSync(bench.state, 'utf8'), 'not a directory', 'and left as it is')
})

t.test(
  'a state directory without the right to write is refused',
  { skip: isRoot && 'root may write everywhere' },
  async (t) => {
    const bench = createBench()
    t.teardown(() => bench.remove())
    mkdirSync(bench.state)
    chmodSync(bench.state, 0o500)
    const ran = await bench.run(['inventory'])
    t.equal(ran.code, 3, ran.stderr)
    t.match(ran.stderr, /\[state-unwritable\]/)
  }
)

t.test('a database of a newer version is refused and left as it is', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  t.equal((await bench.run(['inventory'])).code, 0)
  const db = new Database(join(bench.state, databaseName))
  db.pragma('user_version = 99')
  db.close()
  const ran = await bench.run(['inventory'])
  t.equal(ran.code, 5)
  t.match(ran.stderr, /tlsward\.db: written by a newer tlsward \(format 99/)
  t.match(ran.stderr, /use the version that wrote it, or restore a backup/)
  t.match(ran.stderr, /\[store-newer\]/)
})

t.test("another program's database and a file that is none are refused and left as they are", async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  mkdirSync(bench.state)
  const path = join(bench.state, databaseName)
  const db = new Database(path)
  db.exec('CREATE TABLE recipes (name TEXT)')
  db.close()
  const foreign = await bench.run(['inventory'])
  t.equal(foreign.code, 2)
  t.match(
    foreign.stderr,
    /belongs to another program; give --state a directory of its own.*\[store-foreign\]/
  )
  rmSync(path)
  writeFileSync(path, 'garbage '.repeat(2_000))
  const garbage = await bench.run(['inventory'])
  t.equal(garbage.code, 8)
  t.match(garbage.stderr, /\[store-corrupt\]/)
  t.equal(readFileSync(path, 'utf8'), 'garbage '.repeat(2_000))
})

t.test('a database that another process writes to is waited for, then reported busy', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  t.equal((await bench.run(['inventory'])).code, 0)
  const db = new Database(join(bench.state, databaseName))
  t.teardown(() => db.close())
  db.exec('BEGIN IMMEDIATE')
  const [write, read] = await Promise.all([bench.run(['scan', '127.0.0.1:1']), bench.run(['inventory'])])
  t.equal(write.code, 6)
  t.match(write.stderr, /another process is writing to it/)
  t.match(write.stderr, /wait for the other tlsward process to end, or use another --state.*\[store-locked\]/)
  t.equal(read.code, 0, 'whoever reads need not wait')
  db.exec('ROLLBACK')
  t.equal((await bench.run(['scan', '127.0.0.1:1'])).code, 0, 'the same command works later')
})

t.test('a scan that runs elsewhere cannot be resumed here', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  let resume: Promise<void> | undefined
  const watch = ({ process, output }: RunningCli) => {
    if (resume || !output.stderr.includes('pairs')) return
    resume = (async () => {
      // the size is said just before the scan begins
      for (let tries = 0; tries < 50; tries++) {
        const ran = await bench.run(['scan', '--resume', '1'])
        if (ran.code === 4) continue
        t.equal(ran.code, 6, ran.stderr)
        t.match(ran.stderr, /scan 1: it is running.*\[scan-running\]/)
        break
      }
      process.kill('SIGINT')
    })()
  }
  const ran = await bench.run(['scan', '127.0.0.0/24', '-p', '1-50', '--rate', '10'], { watch })
  await resume
  t.equal(ran.code, 130, ran.stderr)
})

t.test('a second scan of the same networks waits for its turn; one of others need not', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  let tried: Promise<void> | undefined
  let pid = 0
  const watch = ({ process, output }: RunningCli) => {
    pid = process.pid ?? 0
    if (tried || !output.stderr.includes('pairs')) return
    tried = (async () => {
      // the size is said just before the scan begins
      for (let tries = 0; tries < 50; tries++) {
        if (jsonLines((await bench.run(['scans', '--json'])).stdout).length > 0) break
      }
      const same = await bench.run(['scan', '127.0.6.200:1', '--json'])
      t.equal(same.code, 6, same.stderr)
      t.equal(same.stdout, '')
      const said = new RegExp(`scan 1: it is running \\(process ${pid}\\).*wait for it to end.*--state`)
      t.match(same.stderr, said)
      t.match(same.stderr, /\[scan-running\]/)
      const other = await bench.run(['scan', '127.0.5.200:1'])
      t.equal(other.code, 0, other.stderr)
      process.kill('SIGINT')
    })()
  }
  const ran = await bench.run(['scan', '127.0.6.0/26', '-p', '1-50', '--rate', '10'], { watch })
  await tried
  t.equal(ran.code, 130, ran.stderr)
  t.equal((await bench.run(['scan', '127.0.6.200:1'])).code, 0, 'once it has ended, it is free')
})

/** A small file system of its own; undefined without the right to make one. */
function smallDisk(directory: string): { release(): void } | undefined {
  mkdirSync(directory, { recursive: true })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tlsward-test', directory])
  if (mounted.status !== 0) return undefined
  return { release: () => void spawnSync('umount', ['-l', directory]) }
}

t.test(
  'a disk that fills up in mid-scan loses nothing that was acknowledged, and the scan goes on later',
  async (t) => {
    const bench = createBench()
    t.teardown(() => bench.remove())
    const disk = smallDisk(bench.state)
    if (!disk) {
      t.notOk(process.env['CI'] === 'true', 'CI can mount a small file system')
      t.pass('a small disk', { skip: 'no right to mount a small file system' })
      return
    }
    t.teardown(() => disk.release())
    const peers: Peer[] = []
    const hosts = Array.from({ length: 30 }, (_, at) => `127.0.8.${at + 1}`)
    for (const host of hosts) {
      const certificate = createCertificate({ names: [`${host}.test`] })
      peers.push(await startTls({ show: [certificate] }, { host, port: peers[0]?.port ?? 0 }))
    }
    t.teardown(() => Promise.all(peers.map((peer) => peer.close())))

    const filler = join(bench.state, 'filler')
    let full = false
    const watch = ({ output }: RunningCli) => {
      if (full || output.stdout.split('\n').length < 4) return
      full = true
      for (let size = 64; size >= 1; size >>= 1) {
        try {
          for (;;) writeFileSync(filler, Buffer.alloc(size * 1024), { flag: 'a' })
        } catch {
          // not even this much is left: try less
        }
      }
    }
    const words = ['scan', ...hosts, '-p', String(peers[0]?.port), '--rate', '10', '--no-twin', '--json']
    const ran = await bench.run(words, { watch })
    t.equal(ran.code, 7, ran.stderr)
    t.match(ran.stderr, /state .*tlsward\.db: the disk is full/)
    t.match(ran.stderr, /free disk space.*then resume the scan/)
    t.match(ran.stderr, /\[store-full\]/)

    rmSync(filler)
    const found = (text: string) => jsonLines(text).filter((line) => line['type'] === 'endpoint')
    const addresses = (text: string) => found(text).map((line) => String(line['address']))
    const kept = addresses((await bench.run(['inventory', '--json'])).stdout)
    t.same(kept.toSorted(), addresses(ran.stdout).toSorted(), 'what was printed is what is stored')
    t.match(jsonLines((await bench.run(['scans', '--json'])).stdout)[0], { id: 1, state: 'interrupted' })
    const resumed = await bench.run(['scan', '--resume', '1', '-q'])
    t.equal(resumed.code, 0, resumed.stderr)
    t.same(addresses((await bench.run(['inventory', '--json'])).stdout).toSorted(), hosts.toSorted())
  }
)
