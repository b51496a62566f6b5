import { shakeHands } from '../test/peers/handshake.ts'
import type { Family } from '../test/peers/hosts/program.ts'
import type { Managed } from './managed.ts'

/** The certificate of one kind of key that a server shows. */
export interface Seen {
  readonly family: Family
  readonly fingerprint: string
  readonly issuer: string
  /** milliseconds since the epoch */
  readonly notAfter: number
  /** versions of TLS in which it was shown: `1.2`, `1.3` */
  readonly versions: readonly string[]
  /** does it lead to one of the roots, and is it for the name? */
  readonly trusted: boolean
}

/** What a server shows for each kind of key that it has, by a whole handshake in TLS 1.2 and in TLS 1.3. */
export function look({ port, name, pairs }: Managed, roots: readonly string[]): Promise<Seen[]> {
  return Promise.all(
    (Object.keys(pairs) as Family[]).map(async (family) => {
      const [older, newer] = await Promise.all(
        (['TLSv1.2', 'TLSv1.3'] as const).map((version) => shakeHands({ port, name, family, version, roots }))
      )
      const shown = [older, newer].filter((one) => one?.ok === true)
      const [first] = shown
      if (!first) throw new Error(`${name} answers no handshake on port ${port}`)
      const { fingerprint, issuer, notAfter, trusted } = first
      const same = shown.filter((one) => one.fingerprint === fingerprint)
      const versions = same.map(({ version }) => version.replace('TLSv', ''))
      return { family, fingerprint, issuer, notAfter, versions, trusted }
    })
  )
}
