import { seededRandom } from '../core/random.ts'
import { find, output, startResident, type Command, type Place, type Resident } from './process.ts'

/** A network that is nearly all silence, in two network namespaces of the bench's own. */
export interface SilentSpace {
  readonly ports: readonly number[]
  /** address × port pairs that take connections */
  readonly open: number
  /** MAC address of the way into the space, for tools that write frames themselves */
  readonly gatewayMac: string
  /** the command, run where the space is looked at from */
  readonly near: Place
  /** the command, run where the space's servers are */
  readonly far: Place
  close(): Promise<void>
}

// These addresses exist in the two namespaces alone; the machine's own network never hears of them.
export const space = {
  network: '10.213.0.0/16',
  first: '10.213.0.0',
  last: '10.213.255.255',
  addresses: 65_536,
  device: 'wire0',
  source: '10.214.0.1'
} as const

const gateway = '10.214.0.2'

// Ten small packets a second towards the near side: masscan notices the end of its waiting only when a packet
// arrives, and on a silent wire none does.
const heartbeat = `echo ready; while read -t 0.1; [ $? -gt 128 ]; do echo > /dev/udp/${space.source}/9; done 2> /dev/null`

const macs = { near: '02:00:00:00:00:01', far: '02:00:00:00:00:02' }

/**
 * Makes the silent space: of each 1,000 pairs 9 take connections, 1 refuses them, 990 say nothing. It ends
 * with the bench, however that ends: the namespaces live in two processes that read the bench's pipe. Says
 * why not when a program or a right is missing.
 */
export async function openSilentSpace(
  ports: readonly number[],
  signal: AbortSignal
): Promise<SilentSpace | string> {
  const missing = ['unshare', 'nsenter', 'ip', 'nft'].filter((program) => find(program) === undefined)
  if (missing.length > 0) return `needs ${missing.join(', ')} (Debian: util-linux, iproute2, nftables)`
  // without root, a user namespace of our own gives the rights inside it
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? [] : ['--user', '--map-root-user']
  const stay = ['--net', '--', 'sh', '-c', 'echo ready; exec cat']
  const holders: Resident[] = []
  const close = async () => {
    await Promise.all(holders.map((holder) => holder.stop()))
  }
  try {
    holders.push(await startResident(['unshare', ...user, ...stay]))
    const inside = (at: number, join: readonly string[], command: Command) => {
      const kept = isRoot ? [] : ['--user', '--preserve-credentials']
      return ['nsenter', '--target', String(holders[at]?.pid), ...kept, ...join, '--', ...command]
    }
    holders.push(await startResident(isRoot ? ['unshare', ...stay] : inside(0, [], ['unshare', ...stay])))
    const near = (command: Command) => inside(0, ['--net'], command)
    const far = (command: Command) => inside(1, ['--net'], command)
    const open = await lay({ near, far, farPid: holders[1]?.pid ?? 0, ports, signal })
    holders.push(await startResident(far(['bash', '-c', heartbeat])))
    return { ports, open, gatewayMac: macs.far, near, far, close }
  } catch (error) {
    await close()
    return `no network namespace of our own: ${error instanceof Error ? error.message : String(error)}`
  }
}

interface Ground extends Pick<SilentSpace, 'near' | 'far'> {
  readonly farPid: number
  readonly ports: readonly number[]
  readonly signal: AbortSignal
}

/** Lays the wire between the namespaces and the rules behind it; gives the number of open pairs. */
async function lay({ near, far, farPid, ports, signal }: Ground): Promise<number> {
  const apply = (command: Command, lines: readonly string[]) =>
    output(command, { timeoutMs: 30_000, signal, input: lines.join('\n') + '\n' })
  await apply(near(['ip', '-batch', '-']), [
    'link set lo up',
    `link add ${space.device} address ${macs.near} type veth peer name wire1 address ${macs.far} netns ${farPid}`,
    `addr add ${space.source}/30 dev ${space.device}`,
    `link set ${space.device} up`,
    `neigh replace ${gateway} lladdr ${macs.far} nud permanent dev ${space.device}`,
    `route add ${space.network} via ${gateway}`
  ])
  await apply(far(['ip', '-batch', '-']), [
    'link set lo up',
    `addr add ${gateway}/30 dev wire1`,
    'link set wire1 up',
    `neigh replace ${space.source} lladdr ${macs.near} nud permanent dev wire1`,
    `route add local ${space.network} dev lo`
  ])
  const { open, refusing } = choosePairs(ports)
  await apply(far(['nft', '--file', '-']), [
    'table ip space {',
    ` set open { type ipv4_addr . inet_service; elements = { ${open.join(', ')} } }`,
    ` set refusing { type ipv4_addr . inet_service; elements = { ${refusing.join(', ')} } }`,
    ' chain answers {',
    '  type filter hook input priority 0; policy accept;',
    '  ip daddr . tcp dport @open accept',
    '  ip daddr . tcp dport @refusing reject with tcp reset',
    `  ip daddr ${space.network} drop`,
    ' }',
    '}'
  ])
  return open.length
}

/** The pairs that answer, the same in every run. */
function choosePairs(ports: readonly number[]): { open: string[]; refusing: string[] } {
  const open: string[] = []
  const refusing: string[] = []
  const random = seededRandom(1)
  for (let at = 0; at < space.addresses * ports.length; at++) {
    const lot = Math.floor(random.fraction() * 1_000)
    if (lot > 9) continue
    const host = Math.floor(at / ports.length)
    const pair = `10.213.${host >>> 8}.${host & 255} . ${ports[at % ports.length]}`
    ;(lot < 9 ? open : refusing).push(pair)
  }
  return { open, refusing }
}
