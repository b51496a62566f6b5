import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createBench, type Ran } from './cli.ts'

const bench = createBench()
t.teardown(() => bench.remove())
const file = (name: string, text: string) => {
  const path = join(bench.state, '..', name)
  writeFileSync(path, text)
  return path
}

/** One wrong command line: the exit code and what the message must hold (field, value, remedy). */
interface Wrong {
  readonly words: readonly string[]
  readonly code: number
  readonly says: readonly RegExp[]
}

const brokenXml = file(
  'broken.xml',
  '<?xml version="1.0"?>\n<nmaprun>\n<host><address addr="10.0.0.1"</host>\n'
)
const badList = file('bad-list.txt', '10.0.0.1\n# fine\n10.0.0.300\n')

const wrongs: Readonly<Record<string, Wrong>> = {
  'a wrong CIDR': {
    words: ['scan', '10.0.0.0/33'],
    code: 2,
    says: [/target "10\.0\.0\.0\/33"/, /0 to 32/, /Write/, /\[target-malformed\]/]
  },
  'a reversed range': {
    words: ['scan', '10.0.0.9-10.0.0.1'],
    code: 2,
    says: [/target "10\.0\.0\.9-10\.0\.0\.1"/, /reversed/, /Write the lower address first/]
  },
  'port 0': { words: ['scan', '10.0.0.1', '-p', '0'], code: 2, says: [/port "0"/, /Write ports 1-65535/] },
  'port 70000': {
    words: ['scan', '10.0.0.1:70000'],
    code: 2,
    says: [/port "70000"/, /1 to 65535/, /\[port-malformed\]/]
  },
  'the whole of IPv4': {
    words: ['scan', '10.0.0.0/0'],
    code: 2,
    says: [
      /94,489,280,512 pairs/,
      /over the limit of 2,000,000/,
      /--yes/,
      /--max-targets/,
      /\[confirmation-needed\]/
    ]
  },
  'an IPv6 network without a list': {
    words: ['scan', '2001:db8::/64'],
    code: 2,
    says: [/target "2001:db8::\/64"/, /cannot be swept/, /list of hosts/, /\[target-ipv6-range\]/]
  },
  'an unreadable file': {
    words: ['scan', '-l', '/no/such/list'],
    code: 2,
    says: [/--list \/no\/such\/list/, /no such file/, /Check the path/, /\[file-unreadable\]/]
  },
  'an unreadable file of another tool': {
    words: ['scan', '--from', 'nmap', '/no/such/scan.xml'],
    code: 2,
    says: [/\/no\/such\/scan\.xml/, /no such file/, /\[file-unreadable\]/]
  },
  'a directory in place of a list': {
    words: ['scan', '-l', '/'],
    code: 2,
    says: [/--list \//, /it is a directory/]
  },
  'a wrong line in a list': {
    words: ['scan', '-l', badList],
    code: 2,
    says: [/bad-list\.txt, line 3/, /"10\.0\.0\.300"/, /\[target-malformed\]/]
  },
  'an unknown option': {
    words: ['scan', '10.0.0.1', '--prots', '443'],
    code: 2,
    says: [/unknown option '--prots'/, /Did you mean --ports/, /tlsward scan --help/, /\[option-unknown\]/]
  },
  'an unknown command': { words: ['scna'], code: 2, says: [/unknown command 'scna'/, /Did you mean scan/] },
  'broken nmap XML': {
    words: ['scan', '--from', 'nmap', brokenXml],
    code: 2,
    says: [/broken\.xml, line 3/, /expected nmap XML/, /Write the file again/, /\[handover-malformed\]/]
  },
  'a file in place of a target': {
    words: ['scan', 'n.xml'],
    code: 2,
    says: [/target "n\.xml" looks like a file/, /--list n\.xml/, /--from auto n\.xml/, /\[target-malformed\]/]
  },
  'a path in place of a target': { words: ['scan', badList], code: 2, says: [/looks like a file/] },
  'no target at all': { words: ['scan'], code: 2, says: [/No target is named/, /--list/, /\[target-none\]/] },
  'nothing left after exclusions': {
    words: ['scan', '10.0.0.1', '--exclude', '10.0.0.0/8'],
    code: 2,
    says: [/excluded/, /\[target-none\]/]
  },
  'a window of time that is none': {
    words: ['scan', '127.0.0.1:1', '--window', 'Mon-Fri 25:00-06:00'],
    code: 2,
    says: [/25:00/, /hh:mm/, /\[window-malformed\]/]
  },
  'a rate that is none': {
    words: ['scan', '127.0.0.1:1', '--rate', 'fast'],
    code: 2,
    says: [/--rate is 'fast'/, /whole number/, /\[option-malformed\]/]
  },
  'a scan that was never made': { words: ['scans', 'show', '99'], code: 4, says: [/scan 99/, /scans list/] },
  'resuming a scan that was never made': {
    words: ['scan', '--resume', '99'],
    code: 4,
    says: [/\[scan-missing\]/]
  },
  'resuming, with a list that nobody would heed': {
    words: ['scan', '--resume', '1', '--do-not-scan', badList],
    code: 2,
    says: [/'--resume <ID>' cannot be used with option '--do-not-scan <FILE>'/, /\[option-malformed\]/]
  },
  'resuming something else': {
    words: ['scan', '--resume', '1', '127.0.0.1'],
    code: 2,
    says: [/--resume is '1'/, /leave the targets out/]
  },
  'a fingerprint that is not known': {
    words: ['certificate', 'show', 'abcdef'],
    code: 4,
    says: [/certificate abcdef/, /\[certificate-missing\]/]
  },
  'no fingerprint': { words: ['certificate', 'show', 'xyz'], code: 2, says: [/'xyz'/, /hex digits/] },
  'a file that holds no certificate': {
    words: ['certificate', 'show', badList],
    code: 8,
    says: [/\[certificate-malformed\]/]
  },
  'a finding that does not exist': {
    words: ['inventory', '--finding', 'ugly'],
    code: 2,
    says: [/--finding is 'ugly'/, /expires-soon/]
  },
  'a cursor from elsewhere': { words: ['inventory', '--after', 'zzz'], code: 2, says: [/--after is 'zzz'/] },
  'a results file that cannot be written': {
    words: ['inventory', '--csv', '-o', '/no/such/dir/out.csv'],
    code: 3,
    says: [/--output \/no\/such\/dir\/out\.csv/, /\[file-unwritable\]/]
  },
  'an authority that is none': {
    words: ['scan', '127.0.0.1:1', '--ca', badList],
    code: 8,
    says: [/bad-list\.txt/, /\[certificate-malformed\]/]
  }
}

t.test('each wrong input is refused in words that name field, value and remedy', async (t) => {
  const entries = Object.entries(wrongs)
  // two at a time: as many as the smallest machine has cores
  const ran: Ran[] = []
  for (let at = 0; at < entries.length; at += 2) {
    ran.push(...(await Promise.all(entries.slice(at, at + 2).map(([, { words }]) => bench.run(words)))))
  }
  for (const [at, [name, { code, says }]] of entries.entries()) {
    const { code: seen, stderr = '', stdout = '' } = ran[at] ?? {}
    t.equal(seen, code, `${name}: exit code`)
    const last = stderr.trimEnd().split('\n').at(-1) ?? ''
    t.match(last, /^tlsward: /, `${name}: ${last}`)
    for (const part of says) t.match(last, part, `${name}: ${part}`)
    t.equal(stdout, '', `${name}: nothing on standard output`)
    t.notMatch(stderr, /\n\s+at /, `${name}: no stack`)
  }
})

t.test('a refused scan leaves nothing behind', async (t) => {
  const scans = await bench.run(['scans', '--json'])
  t.equal(scans.code, 0, scans.stderr)
  t.equal(scans.stdout, '')
})

t.test('a hostile target cannot steer the terminal', async (t) => {
  const { stderr } = await bench.run(['scan', '\u001b]0;owned\u0007\u202e10.0.0.1'])
  t.notMatch(stderr, /[\u001b\u0007\u202e]/)
})

t.test(
  'a do-not-scan list that cannot be read stops the scan, since what it protects is not known',
  async (t) => {
    const own = createBench()
    t.teardown(() => own.remove())
    mkdirSync(join(own.state, 'do-not-scan'), { recursive: true })
    const ran = await own.run(['scan', '127.0.0.1:1'])
    t.equal(ran.code, 2)
    t.match(ran.stderr, /do-not-scan list .*do-not-scan cannot be read/)
  }
)

t.test('the do-not-scan list wins over targets, also as an IPv4-mapped address', async (t) => {
  const own = createBench()
  t.teardown(() => own.remove())
  mkdirSync(own.state, { recursive: true })
  writeFileSync(join(own.state, 'do-not-scan'), '# printers\n127.0.0.9\n::ffff:127.0.0.8\n')
  const ran = await own.run(['scan', '127.0.0.7-127.0.0.9', '-p', '1', '--json', '--yes'])
  t.equal(ran.code, 0, ran.stderr)
  t.match(ran.stderr, /1 address, 1 port: 1 pair \(2 excluded\)/)
  const all = await own.run(['scan', '127.0.0.8', '-p', '1', '--yes'])
  t.equal(all.code, 2)
  t.match(all.stderr, /\[target-none\]/)
})
