import { Type } from 'typebox'
import { parser } from '../../../core/schema.ts'
import { manualIssuer } from '../../../sensor/issuance/manual.ts'
import type { IssuerKind } from '../issuer-kinds.ts'

const Wishes = Type.Object({}, { additionalProperties: false })
const parse = parser(Wishes, 'issuer-malformed')

/** A person who takes the request to a CA and hands in what comes back. */
export const manualKind: IssuerKind = {
  kind: 'manual',
  title: 'A person takes the request to a CA and hands in the certificate',
  settings: Wishes,
  secrets: [],
  setUp: async ({ settings }) => parse(settings),
  open(_row, { store, clock, known }) {
    const { issuance } = store
    return manualIssuer({
      desk: {
        show: (request) => store.durable(() => issuance.showRequest(request)),
        handedIn: (id) => issuance.handedIn(id)
      },
      clock,
      known
    })
  },
  roots: () => [],
  drop() {}
}
