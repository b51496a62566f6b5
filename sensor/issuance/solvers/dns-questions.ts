import { type Answer, decode, encode, RECURSION_DESIRED, type RecordType } from 'dns-packet'
import { formatEndpoint } from '../../../core/address.ts'
import { Fault } from '../../../core/fault.ts'
import type { Random } from '../../../core/random.ts'
import { visible } from '../../../core/text.ts'
import { type DnsServer, exchange, type ExchangeBounds } from './dns-exchange.ts'

/** What asking takes. */
export interface Asking extends ExchangeBounds {
  readonly random: Random
}

/** Response codes that are told apart (RFC 1035 §4.1.1, RFC 2136 §2.2). */
export const rcodes = {
  noError: 0,
  serverFailure: 2,
  nameError: 3,
  refused: 5,
  notAuth: 9,
  notZone: 10
} as const

/** An answer, as far as it is read. */
export interface DnsAnswer {
  readonly rcode: number
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
}

/** The 16 bits that an answer has to repeat. */
export function messageId(random: Random): number {
  return random.word() & 0xffff
}

/** Reads an answer to the message of an id. Fault dns-malformed. */
export function readAnswer(server: DnsServer, bytes: Buffer, id: number): DnsAnswer {
  try {
    const { id: found, flag_qr: isAnswer, flags = 0, answers = [], authorities = [] } = decode(bytes)
    if (!isAnswer || found !== id) throw new Error('it is the answer to something else')
    return { rcode: flags & 0xf, answers, authorities }
  } catch (thrown) {
    throw malformed(server, thrown instanceof Error ? thrown.message : 'it cannot be read')
  }
}

/** The Fault for an answer that cannot be used. */
export function malformed(server: DnsServer, problem: string): Fault {
  const at = formatEndpoint(server.host, server.port)
  const message = `DNS server ${at}: its answer is malformed: ${visible(problem)}. Check that it is a DNS server.`
  return new Fault('dns-malformed', message, { server: at })
}

async function ask(server: DnsServer, name: string, type: RecordType, asking: Asking): Promise<DnsAnswer> {
  const id = messageId(asking.random)
  const message = encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type, name }] })
  const answer = readAnswer(server, await exchange(server, message, asking), id)
  if (answer.rcode !== rcodes.serverFailure) return answer
  const at = formatEndpoint(server.host, server.port)
  throw new Fault(
    'dns-unreachable',
    `DNS server ${at}: it fails to answer for ${name} (SERVFAIL). Try again.`,
    {
      server: at
    }
  )
}

/** aliases that are followed at most, as resolvers do */
const maxAliases = 8

/**
 * Where a name leads by its CNAMEs: people point _acme-challenge names into a zone of their own. Names that do not exist,
 * and those of which the server will not tell, lead to themselves. Faults: dns-unreachable, dns-malformed.
 */
export async function followAliases(server: DnsServer, from: string, asking: Asking): Promise<string> {
  let name = from
  for (let hop = 0; hop < maxAliases; hop++) {
    const { answers } = await ask(server, name, 'CNAME', asking)
    const alias = answers.find((one) => one.type === 'CNAME' && fold(one.name) === fold(name))
    if (alias?.type !== 'CNAME') return name
    name = fold(alias.data)
  }
  throw malformed(server, `${from} is an alias of more than ${maxAliases} others`)
}

/**
 * The zone that a name lies in: the owner of the SOA that the server shows for it or for one of its parents (RFC 2308 §3
 * puts it into the answer that a name does not exist). Faults: dns-zone-missing, dns-unreachable, dns-malformed.
 */
export async function findZone(server: DnsServer, name: string, asking: Asking): Promise<string> {
  const labels = fold(name).split('.')
  for (let at = 0; at < labels.length; at++) {
    const parent = labels.slice(at).join('.')
    const { answers, authorities } = await ask(server, parent, 'SOA', asking)
    const soa = [...answers, ...authorities].find((one) => one.type === 'SOA' && isWithin(name, one.name))
    if (soa) return fold(soa.name)
  }
  const at = formatEndpoint(server.host, server.port)
  throw new Fault(
    'dns-zone-missing',
    `DNS server ${at}: it serves no zone that ${name} lies in. Check the name, or name the zone in the settings.`,
    { server: at, name }
  )
}

function isWithin(name: string, zone: string): boolean {
  const [own, parent] = [fold(name), fold(zone)]
  return parent !== '' && (own === parent || own.endsWith(`.${parent}`))
}

function fold(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
