/** Media type of a signed request (RFC 8555 §6.2). */
export const joseMediaType = 'application/jose+json'

/** Media type of a certificate with its chain (RFC 8555 §9.1). */
export const chainMediaType = 'application/pem-certificate-chain'

/** The media type of a Content-Type header in lower case, without parameters; empty without one. */
export function mediaTypeOf(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

// RFC 9110 §5.6.7: the preferred form, and the two obsolete ones that recipients must accept
const httpDate =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT|[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})$/

/**
 * Milliseconds from `now` until the time of a Retry-After header (RFC 9110 §10.2.3: seconds or a date), never
 * negative and at most `capMs`; null without the header, or when it says neither.
 */
export function readRetryAfter(header: string | undefined, now: number, capMs: number): number | null {
  const text = header?.trim() ?? ''
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, capMs)
  if (!httpDate.test(text)) return null
  // asctime has no zone: it is UTC
  const until = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(until) ? null : Math.min(Math.max(until - now, 0), capMs)
}

/** The targets of a Link header (RFC 8288) with this relation, in their order, as written. */
export function linksOf(header: string | undefined, relation: string): string[] {
  return [...(header ?? '').matchAll(/<([^<>]*)>([^<>]*)/g)].flatMap(([, target = '', parameters = '']) => {
    const relations = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters)
    const words = (relations?.[1] ?? relations?.[2] ?? '').toLowerCase().split(/\s+/)
    return words.includes(relation) ? [target] : []
  })
}
