import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { startAppliance } from './appliance-world.ts'
import { createBench, type Bench } from './cli.ts'

const isRoot = process.getuid?.() === 0
const options = { skip: isRoot ? false : 'only root can give files away' }
const nobody = 65_534

function benchFor(t: Test): Bench {
  const bench = createBench()
  t.teardown(() => bench.remove())
  return bench
}

const commands = [['events'], ['run'], ['inventory'], ['scan', '127.0.0.1:1'], ['device', 'list']] as const

t.test(
  'root does nothing in the state directory of another account, and says as whom to do it',
  options,
  async (t) => {
    const bench = benchFor(t)
    mkdirSync(bench.state, { mode: 0o700 })
    chownSync(bench.state, nobody, nobody)
    for (const words of commands) {
      const ran = await bench.run(words)
      t.equal(ran.code, 3, `${words.join(' ')}: ${ran.stderr}`)
      t.match(
        ran.stderr,
        /belongs to account nobody, and this is root.*sudo -u 'nobody' tlsward.*\[state-foreign\]/
      )
    }
    t.same(readdirSync(bench.state), [], 'and leaves nothing there')

    chownSync(join(bench.state, '..'), nobody, nobody)
    rmSync(bench.state, { recursive: true })
    t.match(
      await bench.run(['events']),
      { code: 3, stderr: /\[state-foreign\]/ },
      'nor does it make a directory there'
    )
    t.notOk(existsSync(bench.state))
  }
)

t.test('root sends nothing to a socket that another account made', options, async (t) => {
  const bench = benchFor(t)
  mkdirSync(bench.state)
  // everybody may put files into it, and nobody may take those of others: like /tmp
  chmodSync(bench.state, 0o1777)
  let met = 0
  const trap = createServer((socket) => {
    met++
    socket.destroy()
  })
  const path = join(bench.state, 'tlsward.sock')
  await new Promise<void>((resolve) => trap.listen(path, resolve))
  t.teardown(() => trap.close())
  chownSync(path, nobody, nobody)
  for (const words of commands) {
    const ran = await bench.run(words)
    t.equal(ran.code, 3, ran.stderr)
    t.match(ran.stderr, /tlsward\.sock: it belongs to account nobody, and this is root.*\[state-unsafe\]/)
  }
  t.equal(met, 0)
})

t.test('a database that another account made is not opened', options, async (t) => {
  const bench = benchFor(t)
  t.equal((await bench.run(['events'])).code, 0)
  chownSync(join(bench.state, 'tlsward.db'), nobody, nobody)
  t.match(await bench.run(['events']), {
    code: 3,
    stderr: /tlsward\.db: it belongs to account nobody.*\[state-unsafe\]/
  })
})

t.test('settings that others could have written are refused, with the remedy', async (t) => {
  const bench = benchFor(t)
  const config = join(bench.state, '../config')
  mkdirSync(config, { mode: 0o700 })
  for (const [name, content] of [
    ['settings.json', '{"outgoing":"public"}'],
    ['authorities.pem', createCertificate({ names: ['ca.test'], key: 'p256' }).pem]
  ] as const) {
    const file = join(config, name)
    writeFileSync(file, content, { mode: 0o600 })
    const words = name === 'settings.json' ? ['vault'] : ['inventory']
    t.equal((await bench.run(words)).code, 0, `${name} of this account is read`)
    for (const rights of [0o660, 0o606, 0o666]) {
      chmodSync(file, rights)
      const ran = await bench.run(words)
      t.equal(ran.code, 3, ran.stderr)
      t.match(
        ran.stderr,
        new RegExp(`${name}: others may write there .*Run chmod go-w .*\\[settings-unsafe\\]`)
      )
    }
    chmodSync(file, 0o644)
    t.equal((await bench.run(words)).code, 0, 'after the remedy it is read')
    chmodSync(config, 0o777)
    t.match(await bench.run(words), { code: 3, stderr: /config: others may write there \(0777\)/ })
    chmodSync(config, 0o755)
    if (isRoot) {
      chownSync(file, nobody, nobody)
      const ran = await bench.run(words)
      t.match(ran, { code: 3, stderr: /belongs to account nobody, and this is root.*\[settings-unsafe\]/ })
      chownSync(file, 0, 0)
    }
    rmSync(file)
  }
})

t.test('what stands in the place of the socket and is none is left alone', async (t) => {
  const bench = benchFor(t)
  t.equal((await bench.run(['events'])).code, 0)
  const path = join(bench.state, 'tlsward.sock')
  writeFileSync(path, 'a file')
  for (const words of [['run'], ['events']]) {
    const ran = await bench.run(words)
    t.match(ran, { code: 3, stderr: /it is no socket|this is no socket/ }, words.join(' '))
  }
  t.equal(statSync(path).size, 6)
  rmSync(path)
  await (await startAppliance(bench)).stop()
})
