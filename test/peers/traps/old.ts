import type { Certificate } from '../certificates.ts'
import type { ClientHello } from '../client-hello.ts'
import { type Choice, flightMessages } from '../flight.ts'
import type { Link } from '../link.ts'
import { type PeerRow, ends, shows } from '../row.ts'
import { suite } from '../suites.ts'
import type { Testbed } from '../testbed.ts'
import { u16, u8, version } from '../wire.ts'
import { type OldServer, choose, eachInRecord, finish, refuse, seenBy, trap } from './trap.ts'

// openssl's own defaults refuse what is old
const loose = ['-cipher', 'ALL:@SECLEVEL=0']
const short = ['-cipher', 'AES128-SHA:@SECLEVEL=0']

/** Servers of another age: versions, hellos and suites that no current library speaks. */
export function oldTraps({ rsa }: Testbed): PeerRow[] {
  const speaks = (...versions: number[]): OldServer => ({ certificate: rsa, versions })
  const with12 = (only: number): OldServer => ({ ...speaks(version.tls10, version.tls12), suites: [only] })
  const ssl3 = shows([rsa], { version: version.ssl3 })
  const tls10 = shows([rsa], { version: version.tls10 })
  const tls12 = shows([rsa], { version: version.tls12 })
  const any = shows([rsa])
  const upTo12 = speaks(version.tls10, version.tls12)
  const upTo11 = speaks(version.tls10, version.tls11)
  const isShort = (hello: ClientHello) => hello.message.length <= 255
  const isOld = (hello: ClientHello) => hello.version < version.tls12
  return [
    trap('ssl3-only', ssl3, (link) => plainly(link, speaks(version.ssl3))),
    trap('ssl3-only-strict', ssl3, (link) => onlyTo(link, speaks(version.ssl3), isPlainSsl3)),
    trap('ssl2-only', ends('ended'), (link) => ssl2(link, rsa, null)),
    trap(
      'ssl2-besides-tls',
      tls10,
      (link) => ssl2(link, rsa, speaks(version.tls10)),
      seenBy(any, '-tls1', ...loose)
    ),
    trap('no-extensions-up-to-tls10', tls10, (link) => onlyTo(link, speaks(version.tls10), isPlain)),
    trap(
      'intolerant-of-long-hellos',
      any,
      (link) => onlyTo(link, upTo12, isShort),
      seenBy(any, '-tls1_2', ...short)
    ),
    trap('intolerant-of-tls12', any, (link) => onlyTo(link, upTo11, isOld), seenBy(any, '-tls1_1', ...loose)),
    trap('rc4-only', tls12, (link) => plainly(link, with12(suite.rsaWithRc4Sha))),
    trap('3des-only', tls12, (link) => plainly(link, with12(suite.rsaWith3Des))),
    trap(
      'dhe-1024-only',
      tls12,
      (link) => plainly(link, with12(suite.dheWithAes128)),
      seenBy(any, '-tls1_2', ...loose)
    ),
    trap(
      'compression',
      tls12,
      (link) => plainly(link, { ...upTo12, compression: 1 }),
      seenBy(any, '-tls1_2')
    ),
    // not offered by the first hello of a probe, only by those for old servers
    trap('rsa-export-only', tls10, (link) => plainly(link, with12(suite.rsaExportWithRc40))),
    trap('dhe-export-only', tls10, (link) => plainly(link, with12(suite.dheExportWithDes40))),
    // chosen without asking what the client offers
    trap('anonymous', ends('no-certificate'), (link) => whatever(link, rsa, suite.anonymousWithAes128)),
    trap('psk', ends('no-certificate'), (link) => whatever(link, rsa, suite.pskWithAes128))
  ]
}

async function plainly(link: Link, server: OldServer): Promise<void> {
  await answer(link, await link.hello(), server)
}

async function answer(link: Link, hello: ClientHello, server: OldServer): Promise<void> {
  const choice = choose(hello, server)
  if (typeof choice === 'number') return refuse(link, choice, Math.min(hello.version, version.tls12))
  await insist(link, hello, { certificate: server.certificate, ...choice })
}

/** Sends the flight of a choice, whatever the client offers. */
async function insist(
  link: Link,
  hello: ClientHello,
  choice: Choice & { certificate: Certificate }
): Promise<void> {
  const messages = flightMessages(hello, choice, choice.certificate)
  await link.write(eachInRecord({ version: choice.version, messages }))
  await finish(link)
}

/** Answers the hellos that it likes and closes without a word on the others. */
async function onlyTo(link: Link, server: OldServer, likes: (hello: ClientHello) => boolean): Promise<void> {
  const hello = await link.hello()
  return likes(hello) ? answer(link, hello, server) : link.end()
}

const isPlain = (hello: ClientHello) => hello.version <= version.tls10 && hello.extensions.size === 0
const isPlainSsl3 = (hello: ClientHello) => hello.version === version.ssl3 && hello.extensions.size === 0

async function whatever(link: Link, certificate: Certificate, suite: number): Promise<void> {
  await insist(link, await link.hello(), { certificate, suite, version: version.tls12 })
}

/** Answers an SSLv2 hello; a TLS one as `otherwise` does, or by closing. */
async function ssl2(link: Link, certificate: Certificate, otherwise: OldServer | null): Promise<void> {
  const hello = await link.hello()
  if (hello.form === 'tls') return otherwise ? answer(link, hello, otherwise) : link.end()
  await link.write(ssl2ServerHello(certificate.der))
  await finish(link)
}

/** SERVER-HELLO of SSL 2.0: RC4 and triple DES with MD5, a connection id of 16 bytes. */
function ssl2ServerHello(der: Buffer): Buffer {
  const suites = Buffer.from('0100800700c0', 'hex')
  const connection = Buffer.alloc(16, 0x5a)
  const lengths = [der, suites, connection].map(({ length }) => u16(length))
  const head = [u8(4), u8(0), u8(1), u16(2)]
  const body = Buffer.concat([...head, ...lengths, der, suites, connection])
  return Buffer.concat([u16(0x8000 | body.length), body])
}
