import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatAddress, parseAddress } from '../../core/address.ts'
import { makeChain } from '../chains.ts'
import { ourSweep, spread } from '../contenders.ts'
import type { Bench, Section } from '../context.ts'
import { inTurn, type Contender } from '../measure.ts'
import { measured } from '../native.ts'
import { find, pinned, startResident } from '../process.ts'
import { comparison } from '../table.ts'

/** A program of Debian that shows certificates, asked for a few hosts. */
interface Peer {
  readonly name: string
  readonly program: string
  readonly hosts: number
  readonly script: (port: number, hostsFile: string) => string
  /** what its output says once for each certificate that it got */
  readonly tells: RegExp
}

const peerPrograms: readonly Peer[] = [
  {
    name: 'nmap -sT -T5 --script ssl-cert',
    program: 'nmap',
    hosts: 100,
    script: (port, hostsFile) => `nmap -sT -T5 -Pn -n -p ${port} --script ssl-cert -iL ${hostsFile}`,
    tells: /ssl-cert: Subject/g
  },
  {
    name: 'sslscan, certificate only',
    program: 'sslscan',
    hosts: 20,
    script: (port, hostsFile) =>
      `sed 's/$/:${port}/' ${hostsFile} > ${hostsFile}.ports && sslscan --no-colour --no-ciphersuites ` +
      `--no-compression --no-fallback --no-groups --no-heartbleed --no-renegotiation --targets=${hostsFile}.ports`,
    tells: /^Subject:/gm
  },
  {
    name: 'openssl s_client, 4 at once',
    program: 'openssl',
    hosts: 40,
    script: (port, hostsFile) =>
      `xargs -P 4 -I '{}' sh -c 'openssl s_client -connect {}:${port} < /dev/null 2> /dev/null' < ${hostsFile}`,
    tells: /^-----BEGIN CERTIFICATE-----$/gm
  }
]

const ourHosts = 1_000

/** Programs that show certificates, beside ours, at a server that shakes hands. */
export const peers: Section = {
  name: 'peers',
  about: 'nmap ssl-cert, sslscan and openssl s_client at a real TLS server',
  async run(bench) {
    const server = await startServer(bench)
    const port = Number(server.firstLine)
    try {
      const ours = ourSweep(bench, 'ours', {
        wishes: { ...spread(ourHosts), ports: [port] },
        inside: (command) => command
      })
      const installed = peerPrograms.filter(({ program }) => find(program) !== undefined)
      const missing = peerPrograms.filter((peer) => !installed.includes(peer)).map(({ program }) => program)
      const contenders = [ours, ...installed.map((peer) => asking(bench, peer, port))]
      const lines = await inTurn(contenders, bench.scale.sweepRounds, bench.progress)
      const notes = [
        'The server is one process of Node, a real TLS 1.3 handshake for those that finish one. Times are those of whole processes.',
        ...(missing.length > 0 ? [`Not installed: ${missing.join(', ')}.`] : [])
      ]
      return {
        tables: [comparison(lines, { title: 'Certificates of a real TLS server', thing: 'endpoint', notes })],
        goals: []
      }
    } finally {
      await server.stop()
    }
  }
}

async function startServer(bench: Bench) {
  const { certificates, key } = await makeChain('ECDSA')
  const [chainFile, keyFile] = [join(bench.folder, 'chain.pem'), join(bench.folder, 'key.pem')]
  writeFileSync(chainFile, certificates.map(pem).join(''))
  writeFileSync(keyFile, key.export({ type: 'pkcs8', format: 'pem' }))
  const program = fileURLToPath(new URL('../tls-server.ts', import.meta.url))
  return startResident(pinned('server', [process.execPath, program, chainFile, keyFile]))
}

function pem(der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

function asking(bench: Bench, { name, hosts, script, tells }: Peer, port: number): Contender {
  const hostsFile = join(bench.folder, 'hosts')
  const first = Number(parseAddress(spread(hosts).first))
  const list = Array.from({ length: hosts }, (_, at) => formatAddress(first + at))
  return {
    name,
    async run() {
      writeFileSync(hostsFile, list.join('\n') + '\n')
      const { stdout, usage } = await measured(pinned('client', ['sh', '-c', script(port, hostsFile)]), {
        usage: bench.native?.usage,
        folder: bench.folder,
        timeoutMs: 60_000,
        signal: bench.signal
      })
      return { n: hosts, ok: stdout.match(tells)?.length ?? 0, ...usage }
    }
  }
}
