// A simulated BIG-IP with sites, as a process of its own: bigip-unit.ts ADDRESS COUNT DOMAIN. Prints a BenchUnit in one
// line, and when its standard input ends the calls that it has counted: method and path, and how many.
import { BigIp } from '../test/simulators/f5-bigip/big-ip.ts'
import { type SeededSite, sitesSeed } from '../test/simulators/f5-bigip/sites-seed.ts'

/** A unit that runs. */
export interface BenchUnit {
  /** of its management and its virtual servers */
  readonly address: string
  readonly port: number
  readonly sites: readonly SeededSite[]
}

/** Calls of each kind: `GET /mgmt/tm/ltm/virtual`, with a star for what is a name. */
export type Calls = Readonly<Record<string, number>>

const [address = '127.0.0.1', count = '1', domain = 'big.test'] = process.argv.slice(2)
const { seed, sites } = await sitesSeed({ address, count: Number(count), domain, certificates: 'own' })
const unit = await BigIp.start({ seed, host: address })
console.log(JSON.stringify({ address, port: unit.port, sites } satisfies BenchUnit))
process.stdin.resume().on('end', () => {
  const calls = unit.requests.map(({ method, path }) => `${method} ${patternOf(path)}`)
  const counts = [...Map.groupBy(calls, (call) => call)].map(([call, all]) => [call, all.length] as const)
  console.log(JSON.stringify(Object.fromEntries(counts) satisfies Calls))
  void unit.stop().then(() => process.exit(0))
})

function patternOf(path: string): string {
  const [bare = ''] = path.split('?')
  return bare.replace(/(\/~|\/(?<=\/(?:uploads|tokens|transaction)\/))[^/]+/, '/*')
}
