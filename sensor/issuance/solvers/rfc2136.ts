import { encode } from 'dns-packet'
import { formatEndpoint } from '../../../core/address.ts'
import type { Clock } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import type { Random } from '../../../core/random.ts'
import { type DnsServer, exchange } from './dns-exchange.ts'
import {
  type Asking,
  findZone,
  followAliases,
  malformed,
  messageId,
  rcodes,
  readAnswer
} from './dns-questions.ts'
import { type Challenge, checkType, dnsRecordOf, type Solver } from './solver.ts'
import { checkTsig, signMessage, type TsigKey, type TsigProblem } from './tsig.ts'

/** A DNS server that takes updates (RFC 2136): BIND, Knot, PowerDNS, Windows without secure updates. */
export interface DnsUpdateSettings {
  /** the primary of the zone */
  readonly server: DnsServer
  readonly key: TsigKey
  /** null: found by asking the server for its SOA */
  readonly zone: string | null
  /** who is asked whether the name is an alias (CNAME); null: the server itself */
  readonly resolver: DnsServer | null
  /** of the record, seconds */
  readonly ttl: number
  readonly timeoutMs: number
  /** how long changes take to reach the secondaries */
  readonly settleMs: number
}

/** What the solver works with. */
export interface DnsUpdateTools {
  readonly clock: Clock
  readonly random: Random
}

type Change = 'add' | 'delete'

/**
 * Answers dns-01 by dynamic updates signed by TSIG, over TCP. Each value is added and deleted by itself, so that several
 * orders for one name do not disturb one another; both are no-ops when done already. Faults: dns-unreachable,
 * dns-malformed, dns-zone-missing, dns-refused, dns-key-wrong, dns-clock-wrong, challenge-unfit.
 */
export function dnsUpdateSolver(settings: DnsUpdateSettings, tools: DnsUpdateTools): Solver {
  const act = async (change: Change, challenge: Challenge, signal: AbortSignal) => {
    checkType(challenge, 'dns-01')
    const { name, value } = dnsRecordOf(challenge)
    const { server, resolver, timeoutMs } = settings
    const asking: Asking = { ...tools, timeoutMs, signal }
    const target = await followAliases(resolver ?? server, name, asking)
    const zone = settings.zone ?? (await findZone(server, target, asking))
    await update({ change, zone, name: target, value }, settings, asking)
  }
  return {
    type: 'dns-01',
    async present(challenge, signal) {
      await act('add', challenge, signal)
      return { visibleAt: tools.clock.now() + settings.settleMs }
    },
    cleanup: (challenge, signal) => act('delete', challenge, signal)
  }
}

interface Update {
  readonly change: Change
  readonly zone: string
  readonly name: string
  readonly value: string
}

async function update(one: Update, settings: DnsUpdateSettings, asking: Asking): Promise<void> {
  const { server, key } = settings
  const id = messageId(asking.random)
  const { message, mac } = signMessage(updateMessage(one, settings.ttl, id), key, asking.clock.now())
  const bytes = await exchange(server, message, asking)
  const { rcode } = readAnswer(server, bytes, id)
  const problem = tsigProblem(server, bytes, { key, mac, now: asking.clock.now() })
  // a refusal may be believed without a signature, a success never
  const isSaid = problem?.problem !== 'unsigned' || rcode === rcodes.noError
  if (problem && isSaid) throw faultOf(server, key, problem)
  if (rcode !== rcodes.noError) throw refusal(server, one, rcode)
}

const opcodeUpdate = 5 << 11
const classNone = 254

/** RFC 2136 §2: zone, no prerequisites, one change */
function updateMessage({ change, zone, name, value }: Update, ttl: number, id: number): Buffer {
  const message = encode({
    type: 'query',
    id,
    flags: opcodeUpdate,
    questions: [{ type: 'SOA', name: zone }],
    // the update section stands where answers have their authorities
    authorities: [{ type: 'TXT', name, ttl: change === 'add' ? ttl : 0, data: value }]
  })
  // §2.5.4: one record is deleted by the class NONE, which the library has no word for; class, TTL and length stand
  // before the data at the end
  if (change === 'delete') message.writeUInt16BE(classNone, message.length - (1 + value.length) - 8)
  return message
}

function tsigProblem(
  server: DnsServer,
  bytes: Buffer,
  by: Parameters<typeof checkTsig>[1]
): TsigProblem | null {
  try {
    return checkTsig(bytes, by)
  } catch (thrown) {
    if (thrown instanceof RangeError) throw malformed(server, 'it is cut short')
    throw thrown
  }
}

function faultOf(server: DnsServer, { name, algorithm }: TsigKey, problem: TsigProblem): Fault {
  const at = formatEndpoint(server.host, server.port)
  const key = `the key ${name} (${algorithm})`
  const give = 'Give name, algorithm and secret as its configuration has them.'
  switch (problem.problem) {
    case 'unknown-key':
      return new Fault('dns-key-wrong', `DNS server ${at}: it does not know ${key}. ${give}`, { server: at })
    case 'wrong-secret':
      return new Fault('dns-key-wrong', `DNS server ${at}: it has another secret for ${key}. ${give}`, {
        server: at
      })
    case 'clock': {
      const { aheadMs } = problem
      const apart =
        aheadMs === null
          ? 'differs from this one too much'
          : `is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this one`
      return new Fault('dns-clock-wrong', `DNS server ${at}: its clock ${apart}. Set both.`, { server: at })
    }
    default:
      return malformed(
        server,
        problem.problem === 'forged' ? `it is not signed by ${key}` : 'it is not signed'
      )
  }
}

function refusal(server: DnsServer, { zone, name }: Update, rcode: number): Fault {
  const at = formatEndpoint(server.host, server.port)
  const facts = { server: at, zone, name, rcode }
  if (rcode === rcodes.refused) {
    const message = `DNS server ${at}: it refuses to change ${name} in ${zone}. Allow the key to (update-policy).`
    return new Fault('dns-refused', message, facts)
  }
  if (rcode === rcodes.notAuth || rcode === rcodes.notZone) {
    const message = `DNS server ${at}: it is not the primary of ${zone}, or ${name} is not in it. Name the right zone.`
    return new Fault('dns-zone-missing', message, facts)
  }
  if (rcode === rcodes.serverFailure) {
    const message = `DNS server ${at}: it failed to change ${name} in ${zone} (SERVFAIL). See its log.`
    return new Fault('dns-unreachable', message, facts)
  }
  return malformed(server, `it ends with the response code ${rcode}`)
}
