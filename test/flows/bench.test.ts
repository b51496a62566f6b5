import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// a program to run: nothing imports the bench
const main = join(fileURLToPath(new URL('../../', import.meta.url)), 'bench', 'main.ts')

interface Sample {
  readonly n: number
  readonly ok: number
  readonly seconds: number
}

interface Printed {
  readonly results: readonly {
    readonly section: string
    readonly tables: readonly {
      readonly lines: readonly { readonly name: string; readonly samples: readonly Sample[] }[]
    }[]
    readonly goals: readonly { readonly work: string; readonly measured: string }[]
  }[]
}

async function bench(...args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

t.test(
  'the bench reads every canned certificate, of TLS 1.2 and of 1.3, with and without the store',
  async (t) => {
    const { code, stdout, stderr } = await bench(
      ...'--rounds 1 --endpoints 400 --json tls12-close tls13 unique'.split(' ')
    )
    t.equal(code, 0, stderr)
    const { results } = JSON.parse(stdout) as Printed
    t.strictSame(
      results.map(({ section }) => section),
      ['tls12-close', 'tls13', 'unique']
    )
    const lines = results.flatMap(({ tables }) => tables).flatMap((table) => table.lines)
    t.ok(lines.length >= 8, 'all ways to scan took part')
    for (const { name, samples } of lines) {
      for (const { n, ok, seconds } of samples) {
        t.equal(ok, n, `${name} found every certificate`)
        t.ok(seconds > 0, `${name} took time`)
      }
    }
  }
)

t.test('a section that is not there is named, with those that are', async (t) => {
  const { code, stderr } = await bench('tls14')
  t.equal(code, 2)
  t.match(stderr, /no section is named tls14; there are tls12-close, .*sweep/)
})
