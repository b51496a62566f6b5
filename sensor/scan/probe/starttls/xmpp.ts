import { alien, Inbox, ready, refused, wait, type Prelude } from './prelude.ts'

/**
 * XMPP: stream header, features, starttls, proceed (RFC 6120 §5). The `to` is the server name where one is
 * known; servers refuse streams to hosts that they do not serve.
 */
export function xmppPrelude(name: string | null, kind: 'client' | 'server'): Prelude {
  const inbox = new Inbox()
  const to = (name ?? 'localhost').replace(/[^a-zA-Z0-9.-]/g, '')
  let asked = false
  const header =
    `<?xml version='1.0'?><stream:stream to='${to}' version='1.0' xmlns='jabber:${kind}' ` +
    `xmlns:stream='http://etherx.jabber.org/streams'>`
  return {
    first: Buffer.from(header, 'latin1'),
    feed(bytes) {
      const text = inbox.add(bytes).toString('latin1')
      if (text.length >= 2 && !/^\s*</.test(text)) return alien
      if (asked) {
        if (/<proceed[\s/>]/.test(text)) return ready
        return /<failure[\s/>]/.test(text) ? refused : wait
      }
      if (/<stream:error[\s/>]|<\/stream:stream>/.test(text)) return refused
      if (!/<\/stream:features>|<stream:features\s*\/>/.test(text)) return wait
      if (!/<starttls[\s/>]/.test(text)) return refused
      asked = true
      inbox.drop(Number.MAX_SAFE_INTEGER)
      return { kind: 'wait', send: Buffer.from("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") }
    }
  }
}
