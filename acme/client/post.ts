import { Fault } from '../../core/fault.ts'
import { joseMediaType } from '../messages/headers.ts'
import { checkedUrl, type Ca, type Directory } from './ca.ts'
import type { WireAnswer } from './connection.ts'
import { problemIn, refusalOf } from './refusals.ts'
import type { Signer } from './sign.ts'

/** An account that acts at its CA: whoever holds it can order, revoke and change the account. */
export interface AcmeAccount {
  readonly ca: Ca
  readonly key: Signer
  /** the account's URL, which the CA gave when it was made */
  readonly url: string
}

/** A signed request (RFC 8555 §6.2). */
export interface SignedRequest {
  readonly url: string
  /** null makes a POST-as-GET */
  readonly payload: object | null
  /** completes "The CA refuses …" */
  readonly what: string
  /** default: JSON */
  readonly accept?: string
  /** a repeated one does no harm. Default: only a POST-as-GET */
  readonly isRepeatable?: boolean
}

/** Sends again after a refused nonce, each time with a fresh one (RFC 8555 §6.5). */
const mostNonceRetries = 5

/**
 * One signed exchange in the name of an account, or by a key alone. A refused nonce is the only thing that is
 * sent again: the CA has not looked at the request. Gives an answer with a status of success, else throws the
 * Fault that it becomes.
 */
export async function postSigned(
  by: AcmeAccount | { readonly ca: Ca; readonly key: Signer },
  request: SignedRequest,
  signal: AbortSignal
): Promise<WireAnswer> {
  const { ca } = by
  const directory = await ca.directory(signal)
  const url = checkedUrl(request.url, 'a URL', { ca, directory })
  for (let retries = 0; ; retries++) {
    const answer = await attempt(by, { ...request, url }, { directory, signal })
    if (answer.status >= 200 && answer.status < 300) return answer
    const retryAfterMs = ca.retryAfter(answer)
    if (problemIn(answer, null)?.type !== 'badNonce' || retries === mostNonceRetries) {
      throw refusalOf(answer, retryAfterMs, { ca: ca.name, what: request.what })
    }
    // the others of the pool are as old as this one; the answer has brought a fresh one
    ca.nonces.clear()
    ca.nonces.add(answer.headers['replay-nonce'])
  }
}

interface Attempt {
  readonly directory: Directory
  readonly signal: AbortSignal
}

async function attempt(
  by: AcmeAccount | { readonly ca: Ca; readonly key: Signer },
  request: SignedRequest,
  { directory, signal }: Attempt
): Promise<WireAnswer> {
  const { ca, key } = by
  const nonce = ca.nonces.take() ?? (await fetchNonce(ca, directory, signal))
  const header = { nonce, url: request.url, ...('url' in by ? { kid: by.url } : {}) }
  const message = await key.sign(header, request.payload)
  const answer = await ca.exchange(
    {
      url: request.url,
      method: 'POST',
      accept: request.accept ?? 'application/json',
      body: { text: JSON.stringify(message), mediaType: joseMediaType },
      isRepeatable: request.isRepeatable ?? request.payload === null
    },
    signal
  )
  ca.nonces.add(answer.headers['replay-nonce'])
  return answer
}

async function fetchNonce(ca: Ca, { newNonce }: Directory, signal: AbortSignal): Promise<string> {
  const wanted = { url: newNonce, method: 'HEAD', accept: '*/*', isRepeatable: true } as const
  const answer = await ca.exchange(wanted, signal)
  const asked = { ca: ca.name, what: 'the request for a nonce' }
  if (answer.status < 200 || answer.status > 299) throw refusalOf(answer, ca.retryAfter(answer), asked)
  ca.nonces.add(answer.headers['replay-nonce'])
  const nonce = ca.nonces.take()
  if (nonce !== undefined) return nonce
  throw new Fault(
    'acme-malformed',
    `The CA ${ca.name} gives no nonce when asked for one. Check that nothing between takes the Replay-Nonce header away.`,
    { field: 'Replay-Nonce' }
  )
}
