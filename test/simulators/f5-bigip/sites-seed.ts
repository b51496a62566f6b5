import { type Certificate, createAuthority, createCertificate, pemOf } from '../../peers/certificates.ts'
import { freePort } from '../../peers/ports.ts'
import type { Seed } from './seed.ts'

/** A client-ssl profile with a virtual server of its own. */
export interface SeededSite {
  /** full path of the profile */
  readonly profile: string
  /** a DNS name of its certificate */
  readonly name: string
  /** of its virtual server */
  readonly port: number
  /** SHA-256 of the leaf that it has first, hex */
  readonly former: string
}

/** Sites to replace certificates of. */
export interface SitesSeed {
  readonly seed: Seed
  readonly sites: readonly SeededSite[]
}

/** What sites are like. */
export interface SitesWish {
  readonly count: number
  /** a loopback address, where all of them listen */
  readonly address: string
  /** below which their names are: `s1.` and so on */
  readonly domain: string
  /** `own`: each has another certificate. `shared`: all of them name the objects of one, a wildcard */
  readonly certificates: 'own' | 'shared'
}

/** Sites with ECDSA certificates from one authority, whose chain is an object that all of them name. */
export async function sitesSeed(wish: SitesWish): Promise<SitesSeed> {
  const { count, address, domain, certificates } = wish
  const issuer = createAuthority('Former Issuing', { issuer: createAuthority('Former Root') })
  const numbers = Array.from({ length: count }, (_, at) => at + 1)
  const names = numbers.map((nth) => `s${nth}.${domain}`)
  const made = new Map<string, Certificate>()
  const objectOf = (name: string) => (certificates === 'own' ? name : domain)
  for (const name of names) {
    const object = objectOf(name)
    if (made.has(object)) continue
    made.set(object, createCertificate({ names: [certificates === 'own' ? name : `*.${domain}`], issuer }))
  }
  const sites: SeededSite[] = []
  for (const name of names) {
    const former = made.get(objectOf(name))?.fingerprint ?? ''
    sites.push({ profile: `/Common/${name}`, name, port: await freePort(address), former })
  }
  const all = [...made]
  return {
    sites,
    seed: {
      certs: {
        '/Common/former-ca.crt': pemOf([issuer]),
        ...Object.fromEntries(all.map(([object, { pem }]) => [`/Common/${object}.crt`, pem]))
      },
      keys: Object.fromEntries(all.map(([object, { keyPem }]) => [`/Common/${object}.key`, keyPem])),
      clientSsl: Object.fromEntries(
        sites.map(({ profile, name }) => [profile, { certKeyChain: [pairOf(objectOf(name))] }])
      ),
      virtuals: Object.fromEntries(
        sites.map(({ profile, port }) => [
          `${profile}-vs`,
          { destination: `${address}:${port}`, profiles: ['/Common/http', profile] }
        ])
      )
    }
  }
}

function pairOf(object: string) {
  return {
    name: object,
    cert: `/Common/${object}.crt`,
    key: `/Common/${object}.key`,
    chain: '/Common/former-ca.crt'
  }
}
