import type { Clock } from '../../../core/clock.ts'
import type { Random } from '../../../core/random.ts'
import type { StartTls } from '../../scan/observation.ts'
import { sweepAgreement } from '../../scan/probe/agreements.ts'
import { Exchange } from '../../scan/probe/exchange.ts'
import { allGroups, schemes, suiteIds, writeHello, type HelloOffer } from '../../scan/probe/hello.ts'
import type { Dialer } from '../../scan/probe/line.ts'
import { fingerprintOf } from '../held.ts'
import type { HandshakeWish } from './handshake.ts'

/** What reads a chain. */
export interface ChainTools {
  readonly dialer: Dialer
  readonly clock: Clock
  readonly random: Random
}

const pkcs1 = [0x0401, 0x0501, 0x0601]

function offerFor({ at, version, family }: HandshakeWish): HelloOffer {
  const key = family === 'rsa' ? 'RSA' : 'ECDSA'
  if (version === 'TLSv1.3') {
    const signs = family === 'rsa' ? schemes.RSA : [...schemes.ECDSA, ...pkcs1]
    const { share } = sweepAgreement
    return {
      versions: [0x0304],
      suites: suiteIds(({ kx }) => kx === 'TLS1.3'),
      schemes: signs,
      groups: allGroups,
      share,
      name: at.name
    }
  }
  return {
    versions: [0x0303],
    suites: suiteIds(({ auth, kx }) => auth === key && !kx.endsWith('EXPORT')),
    schemes: [...schemes.ECDSA, ...schemes.RSA],
    groups: allGroups,
    share: null,
    name: at.name
  }
}

/**
 * The certificates that a server sends, in its order, as SHA-256 in hex: what Node's own TLS does not tell apart from
 * what it knows itself. Null when the server sends none in `ms`.
 */
export function servedChain(
  { dialer, clock, random }: ChainTools,
  wish: HandshakeWish,
  ms: number
): Promise<readonly string[] | null> {
  const { address, port, starttls } = wish.at
  return new Promise((resolve) => {
    const setup = {
      address,
      port,
      starttls: starttls as StartTls | null,
      hello: writeHello(offerFor(wish), random.bytes(64))
    }
    const exchange = new Exchange(setup, {
      exchangeOpened() {},
      exchangeEnded({ flight, end }) {
        cancel()
        const list = end?.kind === 'certificate' ? flight?.certificates : null
        resolve(list ? list.certificates.map(fingerprintOf) : null)
      }
    })
    const cancel = clock.after(ms, () => exchange.timeUp())
    exchange.start(dialer)
  })
}
