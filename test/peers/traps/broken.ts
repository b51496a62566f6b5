import { createPublicKey, randomBytes } from 'node:crypto'
import { type ClientHello } from '../client-hello.ts'
import { certificateMessage } from '../flight.ts'
import { group, retryRequest, serverHello13 } from '../flight13.ts'
import type { Link } from '../link.ts'
import { type PeerRow, ends } from '../row.ts'
import type { Testbed } from '../testbed.ts'
import { contentType, message, messageType, record, records, u16, u24, vector, version } from '../wire.ts'
import { changeCipherSpec } from './framing.ts'
import { eachInRecord, everyVersion, finish, oldFlight, trap } from './trap.ts'

/** Servers that begin as TLS and then break its rules. */
export function brokenTraps(bed: Testbed): PeerRow[] {
  return [...brokenUpTo12(bed), ...broken13()]
}

function brokenUpTo12({ rsa }: Testbed): PeerRow[] {
  /** a right ServerHello, then these bytes instead of the rest */
  const then = (name: string, rest: () => Uint8Array) =>
    trap(name, ends('malformed'), async (link) => {
      const flight = await oldFlight(link, { certificate: rsa, versions: everyVersion })
      if (!flight) return
      await link.write(eachInRecord({ ...flight, messages: flight.messages.slice(0, 1) }))
      await link.write(rest())
      await finish(link)
    })
  const certificateBody =
    (...parts: Uint8Array[]) =>
    () =>
      records(message(messageType.certificate, Buffer.concat(parts)), version.tls12)
  return [
    then('garbage-after-server-hello', () => Buffer.concat([Buffer.of(0xee), randomBytes(2000)])),
    then('certificate-longer-than-list', certificateBody(u24(100), u24(5000), Buffer.alloc(97))),
    then('list-longer-than-message', certificateBody(u24(90_000), u24(rsa.der.length), rsa.der)),
    then('list-shorter-than-message', certificateBody(vector(3, vector(3, rsa.der)), Buffer.alloc(7))),
    then('empty-certificate-list', certificateBody(vector(3))),
    then('empty-certificate', () => records(certificateMessage([Buffer.alloc(0)]), version.tls12)),
    then('certificate-is-no-der', () => records(certificateMessage([randomBytes(700)]), version.tls12)),
    then('certificate-is-other-der', () =>
      records(certificateMessage([createPublicKey(rsa.key).export(spki)]), version.tls12)
    ),
    then('application-data-in-handshake', () =>
      record(contentType.applicationData, version.tls12, Buffer.from('HTTP/1.1 200 OK'))
    )
  ]
}

const spki = { type: 'spki', format: 'der' } as const

function broken13(): PeerRow[] {
  const says = (name: string, answer: (hello: ClientHello) => Uint8Array) =>
    trap(name, ends('malformed'), (link) => sayAlways(link, answer))
  const share = (number: number, key: Uint8Array) => Buffer.concat([u16(number), vector(2, key)])
  const helloWith =
    (body: (hello: ClientHello) => Parameters<typeof serverHello13>[1]) => (hello: ClientHello) =>
      Buffer.concat([
        records(serverHello13(hello, body(hello)), version.tls12),
        changeCipherSpec,
        ...undecryptable()
      ])
  const retry = (ask: Parameters<typeof retryRequest>[1]) => (hello: ClientHello) =>
    records(retryRequest(hello, ask), version.tls12)
  return [
    says(
      'tls13-share-off-the-curve',
      helloWith((hello) => ({ share: share(firstShare(hello), badPoint(hello)) }))
    ),
    says(
      'tls13-short-share',
      helloWith((hello) => ({ share: share(firstShare(hello), Buffer.alloc(3, 4)) }))
    ),
    says(
      'tls13-unknown-group',
      helloWith(() => ({ share: share(0x1a1a, Buffer.alloc(32, 9)) }))
    ),
    says(
      'tls13-no-share',
      helloWith(() => ({ share: null }))
    ),
    says(
      'tls13-unknown-cipher',
      helloWith((hello) => ({ suite: 0x13ff, share: goodShare(hello) }))
    ),
    says(
      'tls13-undecryptable',
      helloWith((hello) => ({ share: goodShare(hello) }))
    ),
    says('tls13-retry-unknown-group', retry({ group: 0x1a1a })),
    says('tls13-retry-for-nothing', retry({})),
    trap('tls13-retry-for-ever', ends('malformed'), retryForEver)
  ]
}

/** The same answer to every hello, also to one that does not speak TLS 1.3. */
async function sayAlways(link: Link, answer: (hello: ClientHello) => Uint8Array): Promise<void> {
  const hello = await link.hello()
  await link.write(answer(hello))
  await finish(link)
}

/** Asks for P-384 (or P-521, when a share of that is there) again and again. */
async function retryForEver(link: Link): Promise<void> {
  for (;;) {
    if ((await link.peek()) === contentType.changeCipherSpec) await link.bytes(6)
    const hello = await link.hello()
    const asked = hello.shares.has(group.p384) ? group.p521 : group.p384
    await link.write(records(retryRequest(hello, { group: asked }), version.tls12))
  }
}

const firstShare = (hello: ClientHello) => [...hello.shares.keys()].find((one) => one < 0x100) ?? group.p256

/** A point that is not on P-256; for other groups, zeros (no valid share of any group). */
function badPoint(hello: ClientHello): Buffer {
  const length = hello.shares.get(firstShare(hello))?.length ?? 65
  const point = Buffer.alloc(length)
  if (length % 2 === 1) point[0] = 4
  return point
}

/** The client's own share: a valid one of a group that it offers. */
function goodShare(hello: ClientHello): Buffer {
  const number = firstShare(hello)
  return Buffer.concat([u16(number), vector(2, hello.shares.get(number) ?? Buffer.alloc(65, 4))])
}

function undecryptable(): Buffer[] {
  return [60, 900, 280, 58].map((length) =>
    record(contentType.applicationData, version.tls12, randomBytes(length))
  )
}
