import type { Static, TSchema } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'
import { visible } from '../../core/text.ts'
import { mediaTypeOf } from '../messages/headers.ts'
import type { WireAnswer } from './connection.ts'
import type { Refused } from './refusals.ts'

/** Reads the JSON of an answer; throws a Fault acme-malformed that says which answer of which CA is wrong, and how. */
export type AnswerReader<T> = (answer: WireAnswer, asked: Refused) => T

/** A reader of answers of one schema, which lists the fields that are used: others may stand beside them. */
export function answerReader<const S extends TSchema>(schema: S): AnswerReader<Static<S>> {
  const parse = parser(schema, 'acme-malformed')
  return (answer, asked) => {
    const value = jsonOf(answer, asked)
    try {
      return parse(value)
    } catch (thrown) {
      throw malformed(asked, thrown instanceof Error ? thrown.message : String(thrown), thrown)
    }
  }
}

function jsonOf(answer: WireAnswer, asked: Refused): unknown {
  const mediaType = mediaTypeOf(answer.headers['content-type'])
  if (mediaType !== 'application/json') {
    throw malformed(asked, `it is ${visible(mediaType || 'without a content type', 60)}, and not JSON`)
  }
  try {
    return JSON.parse(answer.body.toString('utf8'))
  } catch (thrown) {
    throw malformed(asked, 'it is no JSON, or it was cut', thrown)
  }
}

/** The fault of an answer that is not understood. */
export function malformed({ ca, what }: Refused, why: string, cause?: unknown): Fault {
  return new Fault(
    'acme-malformed',
    `The CA ${ca} answers ${what} in a way that is not understood: ${why}. Check that the address is that of an ACME directory; else tell the CA.`,
    { why },
    cause
  )
}
