import { createSecretKey } from 'node:crypto'
import t, { type Test } from 'tap'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { createLog, type LogLevel } from '../../appliance/logging.ts'
import { createKey } from '../peers/keys.ts'
import { type Sought, searchSecrets, soughtKey } from '../peers/secret-search.ts'

const secret = 'correct-horse-battery-9'
const key = createKey('p256')
const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
const sought: readonly Sought[] = [{ name: 'secret', value: secret }, ...soughtKey('key', key)]

const secretNames = (
  'password Password adminPassword admin_password passphrase clientSecret token X-Vault-Token authorization ' +
  'Proxy-Authorization cookie Set-Cookie community authKey priv_key apiKey privateKey keyPem credential credentials ' +
  'hmacKey sessionId X-F5-Auth-Token'
).split(' ')

function world(level: LogLevel = 'debug') {
  const lines: string[] = []
  const log = createLog({
    stream: { write: (line) => void lines.push(line) },
    clock: { now: () => Date.UTC(2026, 10, 25, 1, 2, 3, 4) },
    level
  })
  const read = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { log, lines, read }
}

function clean(t: Test, lines: readonly string[]): void {
  t.same(searchSecrets(sought, { texts: { log: lines.join('') } }).hits, [])
}

t.test('a line says level, time, event and facts', (t) => {
  const { log, lines, read } = world()
  log.info('scan-started', {
    scan: 1,
    targets: ['10.0.0.0/8'],
    took: 0.5,
    none: null,
    not: undefined,
    big: 10n
  })
  log.error('store-trouble')
  t.same(read(), [
    {
      level: 'info',
      time: '2026-11-25T01:02:03.004Z',
      msg: 'scan-started',
      scan: 1,
      targets: ['10.0.0.0/8'],
      took: 0.5,
      none: null,
      big: '10'
    },
    { level: 'error', time: '2026-11-25T01:02:03.004Z', msg: 'store-trouble' }
  ])
  t.ok(lines.every((line) => line.endsWith('}\n') && line.indexOf('\n') === line.length - 1))
  t.end()
})

t.test('what is less urgent than asked for is not written', (t) => {
  const { log, read } = world('warn')
  for (const level of ['error', 'warn', 'info', 'debug'] as const) log[level](`at-${level}`)
  t.same(
    read().map(({ msg }) => msg),
    ['at-error', 'at-warn']
  )
  t.end()
})

t.test('a fact cannot take the place of level, time or message', (t) => {
  const { log, lines, read } = world()
  log.warn('sign-in', { level: 'debug', time: 0, msg: 'nothing', ['__proto__']: 1 })
  t.match(read()[0], { level: 'warn', msg: 'sign-in', 'level-': 'debug', 'time-': 0, 'msg-': 'nothing' })
  t.equal(lines[0]?.match(/"(level|time|msg)":/g)?.length, 3)
  t.end()
})

t.test('secrets are not written, wherever they hide', (t) => {
  const { log, lines, read } = world()
  const cyclic: Record<string, unknown> = { password: secret }
  cyclic['self'] = cyclic
  log.info('facts', {
    wrapped: new Secret(secret),
    within: {
      list: [new Secret(secret), { deep: new Secret(secret) }],
      map: new Map([['a', new Secret(secret)]])
    },
    text: `it is ${String(new Secret(secret))}`,
    keyObject: key,
    raw: createSecretKey(Buffer.from(secret)),
    buffer: Buffer.from(secret),
    bytes: new Uint8Array(Buffer.from(secret)).buffer,
    jwk: key.export({ format: 'jwk' }),
    pem,
    cutPem: `${'x'.repeat(1_900)}${pem.slice(0, -30)}`,
    message: `the device said: ${JSON.stringify(pem)}`,
    url: `https://admin:${secret}@lb.test/mgmt`,
    link: new URL(`https://admin:${secret}@lb.test/mgmt`),
    header: `Authorization: Bearer ${secret}`,
    cyclic,
    act: () => secret,
    set: new Set([new Secret(secret)])
  })
  for (const name of secretNames) {
    log.info('field', { [name]: secret, headers: { [name]: [secret] } })
  }
  clean(t, lines)
  t.equal(read()[0]?.['wrapped'], '[secret]')
  t.equal(read()[0]?.['url'], 'https://[secret]@lb.test/mgmt')
  t.equal(read()[0]?.['buffer'], `[${secret.length} bytes]`)
  t.end()
})

t.test('an error is written without what hangs on it', (t) => {
  const { log, lines, read } = world()
  const request = Object.assign(new Error('timeout of 5 s exceeded'), {
    code: 'ECONNABORTED',
    config: { headers: { 'X-Vault-Token': secret }, data: secret }
  })
  log.warn('device-unreachable', {
    fault: new Fault(
      'device-unreachable',
      'lb-1 does not answer',
      { device: 'lb-1', password: secret },
      request
    )
  })
  clean(t, lines)
  t.match(read()[0]?.['fault'], {
    code: 'device-unreachable',
    message: 'lb-1 does not answer',
    facts: { device: 'lb-1', password: '[secret]' },
    cause: { name: 'Error', code: 'ECONNABORTED', message: 'timeout of 5 s exceeded' }
  })
  t.notOk(JSON.stringify(read()[0]).includes('config'))
  log.error('mistake', { fault: new Fault('internal', 'it went wrong') })
  t.match(read()[1]?.['fault'], { stack: [/logging\.test/] }, 'a mistake says where')
  t.end()
})

t.test('what a server wrote does nothing to a terminal, and a line stays bounded', (t) => {
  const { log, lines, read } = world()
  log.info('banner', { banner: '\u001b[2J\u202e\u009b1m\r\n{"level":"error"}', ['\u001b[0m']: 1 })
  t.notMatch(lines[0]?.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  t.match(read()[0]?.['banner'], /^\\x1b\[2J/)
  let deep: unknown = 'end'
  for (let at = 0; at < 10_000; at++) deep = { deep }
  log.info('large', {
    deep,
    text: 'x'.repeat(1 << 20),
    list: Array.from({ length: 100_000 }, (_, at) => at),
    fields: Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`f${at}`, at]))
  })
  t.ok((lines[1]?.length ?? 0) < 10_000, `${lines[1]?.length} characters`)
  t.end()
})
