import type { KeyType } from '../../../pki/fields.ts'
import type { Outcome, StartTls } from '../observation.ts'
import type { ExchangeEnd } from './exchange.ts'

/**
 * The rungs of the ladder, in the order in which they are tried. `modern` answers almost everything in one
 * connection: TLS 1.0–1.3, every suite, a key share for P-256. `groups` is TLS 1.3 with the groups that few insist
 * on (finite fields, ML-KEM, Brainpool), for servers that find nothing in common. `legacy` is a TLS 1.0 hello
 * without any extension, for servers that cannot bear one; `ssl3` is for those that know nothing later. `rsa` and
 * `ecdsa` ask for the certificate of the other key type.
 */
export type Rung = 'modern' | 'groups' | 'legacy' | 'ssl3' | 'rsa' | 'ecdsa'

/** One connection to be made. */
export interface Step {
  readonly rung: Rung
  readonly starttls: StartTls | null
}

/** One connection that was made. */
export interface Attempt extends Step {
  readonly end: ExchangeEnd
  /** key type of the certificate it brought */
  readonly keyType?: KeyType
}

/** What may be tried on an endpoint. */
export interface Climb {
  /** protocol by which TLS is started, null for TLS at once */
  readonly starttls: StartTls | null
  /** may the ladder change to what the server turns out to speak? */
  readonly adapt: boolean
  /** ask for the certificate of the other key type as well? */
  readonly twin: boolean
}

/** The next connection after those that were made, or null when nothing more is to be learnt. Pure. */
export function nextStep(past: readonly Attempt[], climb: Climb): Step | null {
  const last = past.at(-1)
  if (!last) return { rung: 'modern', starttls: climb.starttls }
  if (past.some(({ rung }) => rung === 'rsa' || rung === 'ecdsa')) return null
  if (last.end.kind === 'certificate') return climb.twin && !countsCutHandshakes(last) ? twinStep(last) : null
  return otherProtocol(past, climb) ?? (countsCutHandshakes(last) ? null : olderHello(last))
}

/**
 * MySQL and MariaDB count handshakes that were cut short, and bar an address after max_connect_errors of them
 * (100 by default): theirs is finished, and they are not asked twice.
 */
function countsCutHandshakes({ starttls }: Attempt): boolean {
  return starttls === 'mysql'
}

function twinStep({ rung, keyType, starttls }: Attempt): Step | null {
  // the hellos for the other key type name the usual groups
  if (rung === 'groups') return null
  if (keyType === 'RSA') return { rung: 'ecdsa', starttls }
  return keyType === 'ECDSA' ? { rung: 'rsa', starttls } : null
}

/** a server that spoke first, or one that answers TLS where its port's protocol begins in the clear */
function otherProtocol(past: readonly Attempt[], climb: Climb): Step | null {
  const last = past.at(-1)
  if (!last || !climb.adapt || past.length > 2) return null
  const { end, starttls } = last
  const tried = (protocol: StartTls | null) => past.some((attempt) => attempt.starttls === protocol)
  if (end.kind === 'not-tls' && end.speaks !== null && !tried(end.speaks)) {
    return { rung: 'modern', starttls: end.speaks }
  }
  if (starttls === null || tried(null)) return null
  const mute = (end.kind === 'stalled' || end.kind === 'reset' || end.kind === 'ended') && !end.heard
  return mute || end.kind === 'not-tls' ? { rung: 'modern', starttls: null } : null
}

function olderHello({ rung, starttls, end }: Attempt): Step | null {
  if (rung === 'groups') return { rung: 'legacy', starttls }
  const turnedDown =
    (end.kind === 'alert' && end.alert !== unrecognizedName) || end.kind === 'reset' || end.kind === 'ended'
  if (!turnedDown) return null
  // by this alert servers say that nothing in the hello suits them (RFC 8446 §4.1.1)
  if (rung === 'modern' && end.kind === 'alert' && end.alert === handshakeFailure)
    return { rung: 'groups', starttls }
  if (rung === 'modern') return { rung: 'legacy', starttls }
  return rung === 'legacy' ? { rung: 'ssl3', starttls } : null
}

const handshakeFailure = 40
const unrecognizedName = 112

/** The one outcome of all connections to an endpoint: the most telling of their ends. */
export function outcomeOf(past: readonly Attempt[]): Outcome {
  let best: Outcome = 'silent'
  for (const { end } of past) {
    const outcome = outcomeOfEnd(end)
    if (telling[outcome] < telling[best]) best = outcome
  }
  return best
}

/** outcomes by how much they tell, the most telling lowest */
const telling: Readonly<Record<Outcome, number>> = {
  certificate: 0,
  'no-certificate': 1,
  'name-required': 2,
  alert: 3,
  malformed: 4,
  'too-large': 5,
  'no-starttls': 6,
  'not-tls': 7,
  reset: 8,
  ended: 9,
  stalled: 10,
  closed: 11,
  unreachable: 12,
  silent: 13
}

function outcomeOfEnd(end: ExchangeEnd): Outcome {
  if (end.kind === 'alert') return end.alert === unrecognizedName ? 'name-required' : 'alert'
  return end.kind === 'local' ? 'unreachable' : end.kind
}
