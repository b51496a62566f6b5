import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { visible } from '../../core/text.ts'
import { IdentifierMessage, maybe } from './fields.ts'
import { problemNamespace, problemRow } from './problem-types.ts'

/** Media type of a problem document (RFC 9457). */
export const problemMediaType = 'application/problem+json'

/** What a CA says of one identifier of several (RFC 8555 §6.7.1). */
export interface Subproblem {
  readonly type: string
  readonly detail: string | null
  /** the name or address it is about */
  readonly identifier: string | null
}

/**
 * What a CA says went wrong. All text of the CA in it is made visible and cut: it can be shown as it is.
 */
export interface AcmeProblem {
  /** a word of the table of problem types (`rateLimited`), else the URI that the CA gave; `other` without one */
  readonly type: string
  /** HTTP status; 0 inside an order, authorization or challenge that states none */
  readonly status: number
  readonly detail: string | null
  readonly subproblems: readonly Subproblem[]
  /** when the CA wants to be asked again, from now, capped; null when it does not say */
  readonly retryAfterMs: number | null
  /** a page about this very problem (userActionRequired: what the person must do); https or http */
  readonly instance: string | null
}

const one = { type: maybe(Type.String()), detail: maybe(Type.String()) }

/** A problem document as it comes over the wire. */
export const ProblemMessage = Type.Object({
  ...one,
  status: maybe(Type.Number()),
  instance: maybe(Type.String()),
  subproblems: maybe(Type.Array(Type.Object({ ...one, identifier: maybe(IdentifierMessage) })))
})
export type ProblemMessage = Static<typeof ProblemMessage>

const compiled = Compile(ProblemMessage)
const longestDetail = 500
const mostSubproblems = 100

/** What the answer that carries a problem says beside it. */
export interface ProblemFrame {
  /** HTTP status of the answer; 0 inside another object */
  readonly status: number
  readonly retryAfterMs: number | null
}

/** A problem from parsed JSON, or null when that is no problem document. */
export function readProblem(value: unknown, frame: ProblemFrame): AcmeProblem | null {
  return compiled.Check(value) ? problemOf(value, frame) : null
}

/** A problem from its message. */
export function problemOf(message: ProblemMessage, frame: ProblemFrame): AcmeProblem {
  return {
    type: typeOf(message.type),
    status: frame.status || wholeStatus(message.status),
    detail: textOf(message.detail),
    subproblems: (message.subproblems ?? []).slice(0, mostSubproblems).map((sub) => ({
      type: typeOf(sub.type),
      detail: textOf(sub.detail),
      identifier: textOf(sub.identifier?.value)
    })),
    retryAfterMs: frame.retryAfterMs,
    instance: pageUrl(message.instance)
  }
}

function typeOf(uri: string | null | undefined): string {
  if (!uri || uri === 'about:blank') return 'other'
  // Boulder's predecessor wrote urn:acme:error:, and some private CAs still do
  const word = uri.replace(/^urn:(?:ietf:params:)?acme:error:/, '')
  return problemRow(word) ? word : visible(uri, 120)
}

/** The URI of a word of the table, for whoever writes problems. */
export function problemUri(type: string): string {
  return problemNamespace + type
}

function textOf(text: string | null | undefined): string | null {
  const shown = visible((text ?? '').trim(), longestDetail)
  return shown === '' ? null : shown
}

function wholeStatus(status: number | null | undefined): number {
  return Number.isInteger(status) && status && status >= 100 && status <= 599 ? status : 0
}

/** The URL of a page for a person, or null when it is none that a browser may open. */
export function pageUrl(text: string | null | undefined): string | null {
  if (!text || !URL.canParse(text)) return null
  const url = new URL(text)
  return url.protocol === 'https:' || url.protocol === 'http:' ? visible(url.href, 2000) : null
}
