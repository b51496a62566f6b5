import { Compile } from 'typebox/compile'
import { visible } from '../../core/text.ts'
import {
  AnyChallengeMessage,
  AuthorizationMessage,
  PersistentChallengeMessage,
  TokenChallengeMessage,
  type AuthorizationState,
  type ChallengeState,
  type TokenChallengeType
} from '../messages/authorization.ts'
import { readIdentifier, readTime, type Identifier } from '../messages/fields.ts'
import { problemOf, type AcmeProblem } from '../messages/problem.ts'
import { answerReader, malformed } from './answers.ts'
import { checkedUrl } from './ca.ts'
import { postSigned, type AcmeAccount } from './post.ts'

/** A way to prove the right to a name that is understood here (RFC 8555 §7.1.5). */
export type Challenge = ChallengeCommon &
  (
    | { readonly type: TokenChallengeType; readonly token: string }
    /** a TXT record that stays names one of these and the account */
    | { readonly type: 'dns-persist-01'; readonly issuerNames: readonly string[] }
  )

interface ChallengeCommon {
  readonly url: string
  readonly status: ChallengeState
  /** when the CA found it right, milliseconds since the epoch */
  readonly validated: number | null
  /** why the CA found it wrong; it may say so while it is still trying */
  readonly problem: AcmeProblem | null
}

/** The proof of the right to one name (RFC 8555 §7.1.4). */
export interface Authorization {
  readonly url: string
  /** without the `*.` of a wildcard */
  readonly identifier: Identifier
  readonly isWildcard: boolean
  readonly status: AuthorizationState
  /** milliseconds since the epoch; null when the CA does not say */
  readonly expires: number | null
  /** the challenges that are understood */
  readonly challenges: readonly Challenge[]
  /** the types of all challenges that the CA lists, also of those that are not understood */
  readonly offered: readonly string[]
  /** how long to wait before the next poll, capped; null when the CA does not say */
  readonly retryAfterMs: number | null
}

const readAuthorization = answerReader(AuthorizationMessage)
const tokenChallenge = Compile(TokenChallengeMessage)
const persistentChallenge = Compile(PersistentChallengeMessage)
const anyChallenge = Compile(AnyChallengeMessage)
const mostChallenges = 50

/** The authorization as it is now. */
export async function getAuthorization(
  account: AcmeAccount,
  url: string,
  signal: AbortSignal
): Promise<Authorization> {
  return authorizationAt(account, { url, payload: null, what: 'a look at an authorization' }, signal)
}

/**
 * Tells the CA that the answer to a challenge is in place (RFC 8555 §7.5.1). What comes of it is seen in the
 * authorization.
 */
export async function respond(
  account: AcmeAccount,
  challenge: Pick<Challenge, 'url' | 'type'>,
  signal: AbortSignal
): Promise<void> {
  const what = `the answer to a ${challenge.type} challenge`
  await postSigned(account, { url: challenge.url, payload: {}, what, isRepeatable: true }, signal)
}

/** Gives an authorization up (RFC 8555 §7.5.2), so that a pending one does not count against limits. */
export async function deactivateAuthorization(
  account: AcmeAccount,
  url: string,
  signal: AbortSignal
): Promise<Authorization> {
  const payload = { status: 'deactivated' }
  return authorizationAt(account, { url, payload, what: 'the end of an authorization' }, signal)
}

async function authorizationAt(
  account: AcmeAccount,
  request: { readonly url: string; readonly payload: object | null; readonly what: string },
  signal: AbortSignal
): Promise<Authorization> {
  const { ca } = account
  const answer = await postSigned(account, { ...request, isRepeatable: true }, signal)
  const asked = { ca: ca.name, what: request.what }
  const message = readAuthorization(answer, asked)
  const identifier = readIdentifier(message.identifier)
  if (!identifier) throw malformed(asked, 'its identifier is no host name and no address')
  const directory = await ca.directory(signal)
  const listed = message.challenges.slice(0, mostChallenges)
  return {
    url: request.url,
    identifier,
    isWildcard: message.wildcard ?? false,
    status: message.status,
    expires: readTime(message.expires),
    challenges: listed.flatMap(understood).map((challenge) => ({
      ...challenge,
      url: checkedUrl(challenge.url, 'the URL of a challenge', { ca, directory })
    })),
    offered: listed.flatMap((one) => (anyChallenge.Check(one) ? [visible(one.type, 40)] : [])),
    retryAfterMs: ca.retryAfter(answer)
  }
}

/** one that is not understood cannot be answered, whatever it is: another may be */
function understood(message: unknown): Challenge[] {
  if (tokenChallenge.Check(message)) {
    return [{ ...commonOf(message), type: message.type, token: message.token }]
  }
  if (persistentChallenge.Check(message)) {
    return [{ ...commonOf(message), type: message.type, issuerNames: message['issuer-domain-names'] }]
  }
  return []
}

function commonOf(message: TokenChallengeMessage | PersistentChallengeMessage): ChallengeCommon {
  const { url, status, validated, error } = message
  return {
    url,
    status,
    validated: readTime(validated),
    problem: error ? problemOf(error, { status: 0, retryAfterMs: null }) : null
  }
}
