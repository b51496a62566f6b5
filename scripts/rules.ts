import { type Source, lineAt, withoutComments } from './sources.ts'

/** A remark that review would otherwise make twice. */
interface Rule {
  readonly pattern: RegExp
  /** path prefixes where it does not apply */
  readonly allowed: readonly string[]
  readonly says: string
  /** comments are read too */
  readonly comments?: true
}

const outside = ['test/', 'bench/', 'demo/', 'scripts/']

const rules: readonly Rule[] = [
  {
    pattern:
      /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bprocess\.hrtime\b|\bDateTime\.(now|utc|local)\(\)/g,
    allowed: [...outside, 'core/clock.ts'],
    says: 'reads the time: take a Clock'
  },
  {
    pattern: /\b(setTimeout|setInterval)\(/g,
    allowed: [...outside, 'core/clock.ts'],
    says: 'sets a timer: take a Clock'
  },
  {
    pattern: /\bMath\.random\(|\brandom(Bytes|Int|UUID|FillSync|Fill)\(|\bgetRandomValues\(/g,
    allowed: [...outside, 'core/random.ts'],
    says: 'uses chance: take a Random'
  },
  {
    pattern: /\.reveal\(/g,
    allowed: [
      'test/',
      'connectors/shared/',
      'connectors/f5-bigip/client.ts',
      'connectors/web-hosts/client.ts',
      'appliance/vault/',
      'acme/client/sign.ts',
      'pki/private-key.ts',
      'pki/pkcs12.ts',
      'pki/key-bundle.ts',
      'sensor/issuance/solvers/',
      'sensor/identify/snmp.ts'
    ],
    says: 'reveals a secret where nothing is signed or sent'
  },
  {
    pattern: /\bconsole\.\w+\(/g,
    allowed: outside,
    says: 'writes to the console: the CLI writes through its Screen, the rest logs through a Log'
  },
  {
    pattern: /\b(TODO|FIXME|XXX)\b/g,
    allowed: ['scripts/rules.ts', 'test/architecture.test.ts'],
    says: 'is not finished',
    comments: true
  },
  {
    pattern: /(?<!\w)(log|deps\.log)\.(error|warn|info|debug)\((?!\s*')/g,
    allowed: outside,
    says: "logs something else than a static event name: log.info('scan-started', { facts })"
  }
]

/** Every breach of the project's own rules, `path:line: what is wrong`. */
export function brokenRules(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const code = withoutComments(text)
    return rules
      .filter((rule) => !rule.allowed.some((prefix) => path.startsWith(prefix)))
      .flatMap((rule) =>
        [...(rule.comments ? text : code).matchAll(rule.pattern)].map(
          (match) => `${path}:${lineAt(code, match.index)}: ${match[0].replace(/\($/, '')} ${rule.says}`
        )
      )
  })
}
