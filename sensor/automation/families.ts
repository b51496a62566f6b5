import type { KeyFamily } from '../../connectors/contract.ts'
import type { KeyType } from '../../pki/private-key.ts'

/** The kind of certificate slot that a key type belongs to. */
export function familyOf(type: KeyType): KeyFamily {
  return type.startsWith('rsa') ? 'rsa' : 'ecdsa'
}
