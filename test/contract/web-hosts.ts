import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync, lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Access, BundleItem, Json, KeyFamily, Pin } from '../../connectors/contract.ts'
import { connectors } from '../../connectors/index.ts'
import { systemClock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { type Certificate, createAuthority, createCertificate, pemOf } from '../peers/certificates.ts'
import { shakeHands, shownAt } from '../peers/handshake.ts'
import { keyBeside } from '../peers/hosts/files.ts'
import { hostMissing, type ProgramName, startTestHost, type TestHost } from '../peers/hosts/host.ts'
import type { HostedProgram, ServedSite, Site } from '../peers/hosts/program.ts'
import { reloadByOthers } from '../peers/hosts/reload.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import { temporaryFolder } from '../peers/process.ts'
import type { World, WorldKind } from './world.ts'

/** A kind of device: which program, how it is reached, and which of its sites is the target. */
interface HostKind {
  readonly name: string
  readonly program: ProgramName
  readonly target: 'dual' | 'shared'
  readonly way: 'ssh' | 'local'
}

const kinds: readonly HostKind[] = [
  { name: 'nginx with both kinds of key, over SSH', program: 'nginx', target: 'dual', way: 'ssh' },
  { name: 'nginx with a shared file, on this machine', program: 'nginx', target: 'shared', way: 'local' },
  { name: 'HAProxy with both kinds of key, over SSH', program: 'haproxy', target: 'dual', way: 'ssh' },
  { name: 'HAProxy with a shared file, over SSH', program: 'haproxy', target: 'shared', way: 'ssh' },
  { name: 'Apache with both kinds of key, over SSH', program: 'apache', target: 'dual', way: 'ssh' },
  { name: 'files of another program, over SSH', program: 'files', target: 'shared', way: 'ssh' }
]

/** The devices that web-hosts is held to the contract on. */
export const webHostKinds: readonly WorldKind[] = kinds.map((kind) => ({
  name: kind.name,
  missing: () => hostMissing([kind.program]),
  open: () => openWorld(kind),
  badSettings: kind.way === 'local' ? () => [badPort] : badSettings,
  badAccess:
    kind.way === 'local'
      ? []
      : [
          {
            what: 'another private key is a refused sign-in, tried once',
            code: 'device-sign-in',
            of: (access) => ({ ...access, secret: () => new Secret(strangersKey()) })
          },
          {
            what: 'a port where nobody listens is unreachable',
            code: 'device-unreachable',
            of: (access) => withSetting(access, 'port', 9)
          },
          {
            what: 'another host key than the accepted one stops before the sign-in',
            code: 'device-pin',
            of: (access) => ({
              ...access,
              pins: access.pins.map((pin) => ({ ...pin, fingerprint: `SHA256:${'A'.repeat(43)}` }))
            })
          },
          {
            what: 'a host whose key nobody has accepted is not signed in to',
            code: 'device-pin',
            of: (access) => ({ ...access, pins: [] })
          }
        ]
}))

function withSetting(access: Access, name: string, value: Json): Access {
  return { ...access, settings: { ...(access.settings as Record<string, Json>), [name]: value } }
}

const badPort = { what: 'port', settings: { place: 'local', port: 70_000 } }

function badSettings(good: Json): readonly { readonly what: string; readonly settings: Json }[] {
  const rest = good as Record<string, Json>
  return [
    { what: 'no address', settings: { ...rest, address: '' } },
    { what: 'no user', settings: { ...rest, user: '' } },
    { what: 'a port that is none', settings: { ...rest, port: 70_000 } },
    { what: 'a name that is none', settings: { ...rest, adress: 'x' } },
    { what: 'files that are not named whole', settings: { ...rest, files: ['cert=relative.crt key=/k'] } },
    { what: 'no object', settings: 'x' }
  ]
}

let stranger: string | undefined
function strangersKey(): string {
  if (stranger) return stranger
  const folder = temporaryFolder()
  const path = join(folder.path, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path])
  stranger = readFileSync(path, 'utf8')
  folder.remove()
  return stranger
}

async function openWorld(kind: HostKind): Promise<World> {
  const issuer = createAuthority('Test Issuing', { issuer: createAuthority('Test Root') })
  const host = await startTestHost({ programs: { [kind.program]: sitesOf(kind, issuer) } })
  try {
    return await worldOf(kind, host, issuer)
  } catch (thrown) {
    await host.stop()
    throw thrown
  }
}

const names = { dual: ['two.test', '*.two.test'], shared: ['a.test', 'xn--bcher-kva.test'] } as const

function sitesOf({ program }: HostKind, issuer: Certificate): readonly Site[] {
  const make = (hosts: readonly string[], key: 'rsa2048' | 'p256' = 'p256') =>
    createCertificate({ names: hosts, key, issuer })
  const shared = make(names.shared)
  const dual = { rsa: make(names.dual, 'rsa2048'), ecdsa: make(names.dual) }
  return [
    { names: ['two.test', 'www.two.test'], listener: 'front', pairs: dual },
    { names: ['one.test'], listener: 'front', pairs: { ecdsa: make(['one.test']) } },
    { names: ['a.test'], listener: 'back', pairs: { ecdsa: shared }, files: 'shared' },
    // HAProxy chooses by the names of the certificate: the second user of the file has a port of its own
    {
      names: ['xn--bcher-kva.test'],
      listener: program === 'haproxy' ? 'rear' : 'back',
      pairs: { ecdsa: shared },
      files: 'shared'
    }
  ]
}

async function worldOf(kind: HostKind, host: TestHost, issuer: Certificate): Promise<World> {
  const connector = connectors.find(({ id }) => id === 'web-hosts')
  const [program] = host.programs
  if (!connector || !program) throw new Error('web-hosts is in the list of connectors')
  const sites = program.sites.filter((site) =>
    kind.target === 'dual' ? 'rsa' in site.pairs : site.files === 'shared'
  )
  const families: readonly KeyFamily[] = kind.target === 'dual' ? ['rsa', 'ecdsa'] : ['ecdsa']
  const far = createAuthority('Test Far', {
    issuer: createAuthority('Test Middle', { issuer: createAuthority('Test Root') })
  })
  const lines: string[] = []
  const bare = accessOf(kind, { host, program, lines })
  const pins: readonly Pin[] = await connector.identify(bare, new AbortController().signal)
  return {
    connector,
    access: { ...bare, pins },
    target: targetOf(kind, sites),
    names: names[kind.target],
    families,
    issue: (chain) =>
      families.map((family) =>
        bundleItem(family, { names: names[kind.target], issuer: chain ? far : issuer })
      ),
    shown: () => shownOf(sites, families),
    shownChains: () => chainsOf(sites, families),
    expected: (fingerprints) =>
      sites.flatMap((site) =>
        families.map((family) => `${site.names.join(' ')} ${family} ${fingerprints[family] ?? ''}`)
      ),
    snapshot: (depth) => snapshot(program.folders, depth),
    holdsKey: (pem) => holds(host.folder, bodyOf(pem)),
    changeByOthers: async () => replaceFiles(kind, sites, issuer),
    putByOthers: async () => putByOthers(sites),
    reloadByOthers: () => reloadByOthers(program),
    cut() {
      host.cable.refuse('refuse')
      host.cable.cut()
    },
    mend: () => host.cable.refuse('mend'),
    logged: () => lines.join('\n'),
    credentials: [bodyOf(host.sshd.privateKey)],
    stop: () => host.stop()
  }
}

interface AccessParts {
  readonly host: TestHost
  readonly program: HostedProgram
  readonly lines: string[]
}

function accessOf(kind: HostKind, { host, program, lines }: AccessParts): Access {
  const write = (event: string, facts?: unknown) => void lines.push(`${event} ${JSON.stringify(facts)}`)
  const log: Log = { error: write, warn: write, info: write, debug: write }
  const reached =
    kind.way === 'local'
      ? { place: 'local' }
      : { address: '127.0.0.1', port: host.cable.port, user: host.sshd.user }
  const settings: Json = {
    ...reached,
    ...(kind.program === 'files'
      ? { programs: [], files: [filesEntry(program)] }
      : { programs: [kind.program], configs: [program.config] })
  }
  const secret = (name: string) => (name === 'key' ? new Secret(host.sshd.privateKey) : undefined)
  return { settings, secret, pins: [], clock: systemClock, random: systemRandom, log }
}

function filesEntry({ sites, facts }: HostedProgram): string {
  const shared = sites.filter((site) => site.files === 'shared')
  const certificate = shared[0]?.certificates.ecdsa ?? ''
  const served = shared.map(({ port, names: [name] }) => `127.0.0.1:${port}@${name ?? ''}`)
  return [
    'name=server',
    `cert=${certificate}`,
    `key=${keyBeside(certificate)}`,
    'signal=HUP',
    `pidfile=${facts['pidFile'] ?? ''}`,
    `served=${served.join(',')}`
  ].join(' ')
}

function targetOf({ program }: HostKind, sites: readonly ServedSite[]): string {
  const { rsa, ecdsa } = sites[0]?.certificates ?? {}
  return `${program}:${[rsa, ecdsa].filter((path) => path !== undefined).sort()[0] ?? ''}`
}

function bundleItem(
  family: KeyFamily,
  { names, issuer }: { readonly names: readonly string[]; readonly issuer: Certificate }
): BundleItem {
  const made = createCertificate({ names, key: family === 'rsa' ? 'rsa2048' : 'p256', issuer })
  const { fingerprint, pem, keyPem } = made
  const chain = made.chain.slice(1).map((member) => member.pem)
  return { family, fingerprint, leaf: pem, chain, key: new Secret(keyPem) }
}

async function shownOf(
  sites: readonly ServedSite[],
  families: readonly KeyFamily[]
): Promise<readonly string[]> {
  const lines: string[] = []
  for (const site of sites) {
    for (const family of families) {
      const shown = await shownAt({ port: site.port, name: site.names[0] ?? null, family })
      lines.push(`${site.names.join(' ')} ${family} ${shown}`)
    }
  }
  return lines
}

async function chainsOf(
  sites: readonly ServedSite[],
  families: readonly KeyFamily[]
): Promise<(readonly string[])[]> {
  const chains: (readonly string[])[] = []
  for (const site of sites) {
    for (const family of families) {
      const shown = await shakeHands({ port: site.port, name: site.names[0] ?? null, family })
      chains.push(shown.ok ? shown.chain : [shown.error])
    }
  }
  return chains
}

/** files of others in our own folders, and a folder named like one of ours with what could be a generation */
function putByOthers(sites: readonly ServedSite[]): () => string {
  const ours = join(dirname(Object.values(sites[0]?.certificates ?? {})[0] ?? ''), '.tlsward')
  const paths = readdirSync(ours).flatMap((site) => {
    const like = join(ours, `${site}-eu`, 'g1-0011223344556677')
    mkdirSync(like, { recursive: true, mode: 0o700 })
    return [
      join(like, '0.key'),
      join(ours, site, 'notes.txt'),
      join(ours, site, 'g1-0011223344556677.bak'),
      join(ours, 'theirs.pem')
    ]
  })
  for (const path of paths) writeFileSync(path, `theirs: ${path}\n`, { mode: 0o600 })
  return () => paths.map((path) => readFileSync(path, 'utf8')).join('')
}

/** somebody's own renewal: new files in the place of the configured paths */
function replaceFiles(kind: HostKind, sites: readonly ServedSite[], issuer: Certificate): void {
  for (const [family, path] of Object.entries(sites[0]?.certificates ?? {}) as [KeyFamily, string][]) {
    const { chain, keyPem } = createCertificate({
      names: names[kind.target],
      key: family === 'rsa' ? 'rsa2048' : 'p256',
      issuer
    })
    const place = (file: string, text: string) => {
      writeFileSync(`${file}.theirs`, text, { mode: 0o600 })
      renameSync(`${file}.theirs`, file)
    }
    place(path, pemOf(chain) + (kind.program === 'haproxy' ? keyPem : ''))
    if (kind.program !== 'haproxy') place(keyBeside(path), keyPem)
  }
}

/** the base64 of a PEM on one line */
function bodyOf(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '')
}

function holds(path: string, body: string): boolean {
  const stat = lstatSync(path)
  if (stat.isDirectory()) return readdirSync(path).some((name) => holds(join(path, name), body))
  return stat.isFile() && readFileSync(path, 'utf8').replaceAll(/\s/g, '').includes(body)
}
