import type { NewLook, LookPlace } from '../store/looks.ts'
import type { Store } from '../store/store.ts'
import { lookFindings, revokedFinding, type SeenWeakness, type ToldRevoked } from './findings/look.ts'

/** A deeper look at an endpoint, to be kept. */
export interface DeepLook extends NewLook {
  readonly weaknesses: readonly SeenWeakness[]
  /** was everything asked? Otherwise what it does not tell may still be so */
  readonly whole: boolean
}

/** Keeps a deeper look, and what is wrong by it as findings of the endpoint where that is known. */
export function keepDeepLook(store: Store, place: LookPlace, { weaknesses, whole, ...look }: DeepLook): void {
  store.transaction(() => {
    store.looks.keepAt(place, look)
    const endpoint = store.endpoints.find(place)
    if (!endpoint) return
    const subject = { kind: 'look', id: endpoint.id } as const
    const before = store.findings.of(subject, look.at)
    const found = lookFindings(look.at, weaknesses).map((one) => {
      const known = before.find(({ code }) => code === one.code)
      return { ...one, begins: known?.begins ?? look.at }
    })
    const still = before.filter(({ code }) => !whole && found.every((one) => one.code !== code))
    store.findings.replace(subject, [...found, ...still])
  })
}

/** What came of asking about a certificate, to be kept; `revoked`: null when it is not, undefined when not known. */
export interface RevocationLook extends NewLook {
  readonly revoked: ToldRevoked | null | undefined
}

/** Keeps what came of asking about a certificate, and that it is revoked as a finding. */
export function keepRevocationLook(store: Store, certificate: number, look: RevocationLook): void {
  const { revoked, ...kept } = look
  store.transaction(() => {
    store.looks.keepOf(certificate, kept)
    if (revoked === undefined) return
    store.findings.replace({ kind: 'status', id: certificate }, revoked ? [revokedFinding(revoked)] : [])
  })
}
