import type { IssuerRow } from '../../sensor/store/issuers.ts'

/** Who owns the secrets of an issuer in the vault: never its name, since names come again. */
export function issuerOwner({ secrets }: Pick<IssuerRow, 'secrets'>) {
  return { kind: 'account', id: secrets } as const
}
