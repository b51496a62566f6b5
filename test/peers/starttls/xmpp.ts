import type { Link } from '../link.ts'

const namespace = 'urn:ietf:params:xml:ns:xmpp-tls'

/** What an XMPP server offers, and how it answers the wish to start TLS (RFC 6120 §5). */
export interface Xmpp {
  readonly kind: 'client' | 'server'
  readonly features: string
  readonly answer: string
}

/** A server that starts TLS. */
export function xmpp(kind: Xmpp['kind']): Xmpp {
  return {
    kind,
    features: `<starttls xmlns='${namespace}'><required/></starttls>`,
    answer: `<proceed xmlns='${namespace}'/>`
  }
}

/** Holds the dialogue up to the answer to `<starttls/>`. */
export async function converseXmpp(link: Link, { kind, features, answer }: Xmpp): Promise<void> {
  await link.until('<stream:stream')
  const attributes = await link.until('>')
  const attribute = (name: string) => new RegExp(`\\s${name}=['"]([^'"]*)['"]`).exec(attributes)?.[1]
  const wanted = [`jabber:${kind}`, 'http://etherx.jabber.org/streams', '1.0']
  if (!['xmlns', 'xmlns:stream', 'version'].every((name, at) => attribute(name) === wanted[at])) {
    await link.write(
      `${open(kind)}<stream:error><invalid-namespace xmlns='${errors}'/></stream:error></stream:stream>`
    )
    return link.end()
  }
  await link.write(`${open(kind)}<stream:features>${features}</stream:features>`)
  await link.until('<starttls')
  await link.until('>')
  await link.write(answer)
}

const errors = 'urn:ietf:params:xml:ns:xmpp-streams'

/** The head of the server's own stream. */
export function open(kind: Xmpp['kind']): string {
  const namespaces = `xmlns='jabber:${kind}' xmlns:stream='http://etherx.jabber.org/streams'`
  return `<?xml version='1.0'?><stream:stream ${namespaces} id='c2s1' from='peer.test' version='1.0' xml:lang='en'>`
}
