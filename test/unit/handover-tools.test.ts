import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { listen } from '../peers/peer.ts'
import { handed } from './handover-samples.ts'

const run = promisify(execFile)

/** why a test cannot run here; in CI the tool has to be there */
function lacking(tool: string): string | false {
  const found = spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0
  if (!found && process.env['CI'] === 'true') throw new Error(`${tool} is not installed`)
  return found ? false : `${tool} is not installed`
}

t.test('the open ports that nmap finds are handed over', { skip: lacking('nmap') }, async (t) => {
  const servers = [await listen(() => {}), await listen(() => {}), await listen(() => {}, { host: '::1' })]
  t.teardown(() => Promise.all(servers.map((server) => server.close())))
  const closing = await listen(() => {})
  await closing.close()
  const [one, two, six] = servers.map(({ port }) => port)
  const ports = [one, two, six, closing.port].join()
  const nmap = async (...targets: string[]) =>
    (await run('nmap', ['-sT', '-Pn', '-n', '-p', ports, '-oX', '-', ...targets])).stdout

  const byAddress = await handed(await nmap('127.0.0.1'))
  t.same(new Set(byAddress), new Set([`127.0.0.1 ${one}`, `127.0.0.1 ${two}`]))
  const byName = await handed(await nmap('localhost'))
  t.same(new Set(byName), new Set([`127.0.0.1 ${one} localhost`, `127.0.0.1 ${two} localhost`]))
  t.same(await handed(await nmap('-6', '::1')), [`::1 ${six}`])
})

// masscan sends raw frames and cannot see loopback, so that it gets two network namespaces and a cable
t.test(
  'the open ports that masscan finds are handed over',
  { skip: lacking('masscan') || noNamespaces() },
  async (t) => {
    const here = await namespace()
    const there = await namespace()
    t.teardown(() => Promise.all([here, there].map(stopped)))
    const within = (where: ChildProcess, ...command: string[]) => ['-t', String(where.pid), '-n', ...command]

    const [mine, its] = ['02:00:00:00:00:01', '02:00:00:00:00:02']
    const cable = [
      'veth0',
      'address',
      mine,
      'type',
      'veth',
      'peer',
      'name',
      'veth0',
      'address',
      its,
      'netns',
      String(there.pid)
    ]
    await run('nsenter', within(here, 'ip', 'link', 'add', ...cable))
    for (const [where, address] of [
      [here, '10.9.0.1/24'],
      [there, '10.9.0.2/24']
    ] as const) {
      await run('nsenter', within(where, 'ip', 'address', 'add', address, 'dev', 'veth0'))
      await run('nsenter', within(where, 'ip', 'link', 'set', 'veth0', 'up'))
    }
    const listeners =
      "for (const port of [443, 8443]) require('net').createServer().listen(port, () => console.log(port))"
    const server = spawn('nsenter', within(there, process.execPath, '-e', listeners))
    t.teardown(() => stopped(server))
    await heard(server, /443[^]*443/)

    const folder = await mkdtemp(join(tmpdir(), 'handover-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const found = join(folder, 'found')
    const mac = (address: string) => address.replaceAll(':', '-')
    const wire = [
      '-e',
      'veth0',
      '--adapter-ip',
      '10.9.0.1',
      '--adapter-mac',
      mac(mine),
      '--router-mac',
      mac(its)
    ]
    const scan = ['10.9.0.2', '-p443,444,8443', '--rate', '10', '--wait', '0', '-oB', found]
    await run('nsenter', within(here, 'masscan', ...wire, ...scan))

    for (const option of ['-oJ', '-oL', '-oD', '-oX']) {
      const file = join(folder, option)
      await run('masscan', ['--readscan', found, option, file])
      t.same(new Set(await handed(await readFile(file))), new Set(['10.9.0.2 443', '10.9.0.2 8443']), option)
    }
  }
)

function noNamespaces(): string | false {
  const works = spawnSync('unshare', ['-n', 'ip', 'link']).status === 0
  return works ? false : 'network namespaces need root and iproute2'
}

/** a process in a network namespace of its own */
async function namespace(): Promise<ChildProcess> {
  const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo ready; exec cat'])
  await heard(holder, /ready/)
  return holder
}

async function heard(child: ChildProcess, words: RegExp): Promise<void> {
  let text = ''
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk)
    if (words.test(text)) return
  }
  throw new Error(`${child.spawnargs.join(' ')} said ${text} and ended`)
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
