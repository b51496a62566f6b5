import type { FaultCode } from '../../core/fault.ts'
import type {
  Access,
  BundleItem,
  CertificateItem,
  Connector,
  Json,
  KeyFamily,
  Role
} from '../../connectors/contract.ts'
import type { KeyType } from '../../pki/private-key.ts'

/**
 * One device of a vendor with one target on it, as its connector and handshakes show it: all that can be had of a device
 * which nobody can look into.
 */
export interface OutsideWorld {
  readonly connector: Connector
  /** right settings, credentials and pins */
  readonly access: Access
  readonly target: string
  /** names that the target's certificate must cover */
  readonly names: readonly string[]
  readonly families: readonly KeyFamily[]
  /** what the device is in its pair; left out: `single` */
  readonly role?: Role
  /**
   * A new certificate with its key for each kind of key. `longer`: by another authority than the one before, with two
   * certificates behind the leaf.
   */
  issue(chain?: 'longer'): readonly BundleItem[]
  /** what full handshakes show, one line for each endpoint and kind of key; an error is a line as well */
  shown(): Promise<readonly string[]>
  /** fingerprints of the certificates that come behind the leaf, one list for each line of {@link shown} */
  shownChains(): Promise<readonly (readonly string[])[]>
  /** what they must show when the target holds these certificates */
  expected(fingerprints: Readonly<Partial<Record<KeyFamily, string>>>): readonly string[]
  /** everything on the device that a deployment may change; two are equal exactly when nothing differs */
  snapshot(depth: 'content' | 'untouched'): string | Promise<string>
  /** is a private key (PKCS#8 PEM) anywhere on the device? Left out: nobody can look */
  holdsKey?(pem: string): boolean
  /** somebody else makes the device read its configuration again; resolves when it has. Left out: nobody does */
  reloadByOthers?(): Promise<void>
  /** drops the connections of the connector without a word; no other comes about before {@link mend} */
  cut(): void
  mend(): void
  /** where the connector talks in requests: each of them is cut as well. Left out: only steps are */
  readonly requests?: Requests
  /** where the device makes keys itself */
  readonly deviceKeys?: DeviceKeyWorld
  /** what the connector logged so far */
  logged(): string
  /** every credential of `access`, as text */
  readonly credentials: readonly string[]
  stop(): Promise<void>
}

/** A device that can be looked into, and that others can be told to change. */
export interface World extends OutsideWorld {
  snapshot(depth: 'content' | 'untouched'): string
  holdsKey(pem: string): boolean
  reloadByOthers(): Promise<void>
  /** somebody else puts another certificate in the target's place */
  changeByOthers(): Promise<void>
  /**
   * Somebody else puts objects beside ours that nothing refers to, with names like ours. Gives what they are now, as
   * text, whenever it is called.
   */
  putByOthers(): Promise<() => string>
}

/** What a device shows from outside of the keys that it makes. */
export interface DeviceKeyWorld {
  /** for each family of the world, in their order */
  readonly types: readonly KeyType[]
  /** another type of the first family */
  readonly otherType: KeyType
  /** a certificate for a request, PEM */
  sign(family: KeyFamily, request: string): CertificateItem
  /** SHA-256 of the public key of every private key on the device, hex, each once, sorted */
  keys(): readonly string[]
}

/** What a device counts of the requests that it gets. */
export interface Requests {
  /** so far */
  count(): number
  /** the nth from now on is done, and the cable is cut in the place of its answer */
  cutAt(nth: number): void
}

/** Access that must fail, and how. */
export interface BadAccess {
  readonly what: string
  readonly code: FaultCode
  of(access: Access): Access
}

/** How worlds of one kind are made. */
export interface WorldKind {
  /** e.g. `nginx over ssh` */
  readonly name: string
  /** why it cannot be made here, or undefined */
  readonly missing: () => string | undefined
  readonly open: () => Promise<World>
  /** settings that the connector must refuse, with what is wrong in them */
  badSettings(good: Json): readonly { readonly what: string; readonly settings: Json }[]
  readonly badAccess: readonly BadAccess[]
}

type Message = [] | [string]

/** What cases say of what they see: the assertions of tap that they use, so that they run without it as well. */
export interface Proof {
  ok(found: unknown, ...message: Message): unknown
  notOk(found: unknown, ...message: Message): unknown
  equal(found: unknown, wanted: unknown, ...message: Message): unknown
  /** equal in depth */
  same(found: unknown, wanted: unknown, ...message: Message): unknown
  notSame(found: unknown, unwanted: unknown, ...message: Message): unknown
  /** in depth: whatever the pattern names is there, and fits its regular expressions */
  match(found: unknown, pattern: unknown, ...message: Message): unknown
  notMatch(found: unknown, pattern: unknown, ...message: Message): unknown
  rejects(promise: Promise<unknown>): Promise<unknown>
}

/** What a connector must do. */
export interface ContractCase<W extends OutsideWorld = World> {
  readonly what: string
  /** `reads`: the device is not changed */
  readonly does: 'reads' | 'writes'
  readonly run: (t: Proof, world: W) => Promise<void>
}
