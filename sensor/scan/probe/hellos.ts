import { allGroups, schemes, suiteIds, writeHello, type Hello, type HelloOffer } from './hello.ts'
import type { Rung } from './ladder.ts'
import { rareGroups, sweepAgreement } from './agreements.ts'

const noName: Pick<HelloOffer, 'name'> = { name: null }

const modern: HelloOffer = {
  ...noName,
  versions: [0x0304, 0x0303, 0x0302, 0x0301],
  suites: suiteIds(({ kx }) => kx !== 'RSA-EXPORT' && kx !== 'DHE-EXPORT'),
  schemes: [...schemes.ECDSA, ...schemes.EdDSA, ...schemes.RSA, ...schemes.DSS],
  groups: allGroups,
  share: sweepAgreement.share
}

const bare = { ...modern, schemes: [], groups: [], share: null, extensions: false } as const

/** What each rung offers; `groups` is made when it is needed first, for it needs to know what this Node can. */
const offers: Readonly<Record<Exclude<Rung, 'groups'>, HelloOffer>> = {
  modern,
  legacy: {
    ...bare,
    versions: [0x0301],
    suites: suiteIds(({ id, kx }) => id < 0xc000 && id < 0x0100 && kx !== 'TLS1.3')
  },
  ssl3: { ...bare, versions: [0x0300], suites: suiteIds(({ id }) => id <= 0x003a) },
  rsa: {
    ...modern,
    suites: suiteIds(({ auth, kx }) => (auth === 'any' || auth === 'RSA') && !kx.endsWith('EXPORT')),
    schemes: schemes.RSA
  },
  ecdsa: {
    ...modern,
    suites: suiteIds(({ auth }) => auth === 'any' || auth === 'ECDSA'),
    schemes: schemes.ECDSA
  }
}

/** without a key share, which can be large: the server says which group it wants */
function groupsOffer(): HelloOffer {
  const suites = suiteIds(({ kx }) => kx === 'TLS1.3')
  return { ...modern, versions: [0x0304], suites, groups: rareGroups(), share: null }
}

/**
 * The hellos of one scan. Their random is drawn once: nothing rests on it, the same bytes for every server
 * need not be written again, and their hash is kept.
 */
export class Hellos {
  readonly #random: Uint8Array
  readonly #written = new Map<string, Hello>()
  #groups: HelloOffer | undefined

  /** `random`: 64 bytes */
  constructor(random: Uint8Array) {
    this.#random = random
  }

  for(rung: Rung, name: string | null): Hello {
    // a bare hello carries no name
    const offer = rung === 'groups' ? (this.#groups ??= groupsOffer()) : offers[rung]
    const sent = offer.extensions === false ? null : name
    const key = sent === null ? rung : `${rung} ${sent}`
    const known = this.#written.get(key)
    if (known) return known
    const hello = writeHello({ ...offer, name: sent }, this.#random)
    // names come by the million: only the nameless hellos are kept for good
    if (this.#written.size > 1_000) this.#written.clear()
    this.#written.set(key, hello)
    return hello
  }
}
