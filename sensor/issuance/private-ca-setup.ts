import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import type { PermittedNames } from '../../pki/ca-constraints.ts'
import { makeCa, newSerial } from '../../pki/private-ca.ts'
import { type KeyType, makePrivateKey, type PrivateKey, readPrivateKey } from '../../pki/private-key.ts'
import type { SubjectFields } from '../../pki/subject.ts'
import type { KeyRing } from './key-ring.ts'

/** A private CA to set up: a root that signs one intermediate and rests then, and the intermediate that issues. */
export interface PrivateCaRecipe {
  /** its keys are kept as `NAME/root` and `NAME/issuer` */
  readonly name: string
  /** subjects, which need a CN each to be told apart */
  readonly root: SubjectFields
  readonly issuer: SubjectFields
  readonly keyType: KeyType
  readonly rootLifeMs: number
  readonly issuerLifeMs: number
  /** names that it may sign at all, in the root, so that nothing can widen them later; null: any */
  readonly permitted: PermittedNames | null
}

/** What the setting up works with. */
export interface SetupTools {
  readonly keys: KeyRing
  readonly clock: Clock
  readonly random: Random
}

/** A private CA that was set up: both certificates, DER, and the name of the key that issues. */
export interface PrivateCaParts {
  readonly root: Buffer
  readonly issuer: Buffer
  readonly key: string
}

/**
 * Makes the keys, keeps them, and then the certificates. Repeated after a crash it goes on with the keys that are there;
 * with keys of another type it is a Fault key-unsupported. Faults of makeCa too.
 */
export async function setUpPrivateCa(recipe: PrivateCaRecipe, tools: SetupTools): Promise<PrivateCaParts> {
  const { name, permitted } = recipe
  const now = tools.clock.now()
  const validity = (lifeMs: number) => ({ notBefore: now, notAfter: now + lifeMs })
  const rootKey = await keyOf(`${name}/root`, recipe.keyType, tools.keys)
  const issuerKey = await keyOf(`${name}/issuer`, recipe.keyType, tools.keys)
  const root = await makeCa({
    subject: recipe.root,
    key: rootKey,
    serial: newSerial(tools.random),
    validity: validity(recipe.rootLifeMs),
    pathLength: 1,
    permitted,
    issuer: null
  })
  const issuer = await makeCa({
    subject: recipe.issuer,
    key: issuerKey,
    serial: newSerial(tools.random),
    validity: validity(recipe.issuerLifeMs),
    pathLength: 0,
    permitted: null,
    issuer: { certificate: root, key: rootKey, above: [] }
  })
  return { root, issuer, key: `${name}/issuer` }
}

async function keyOf(name: string, type: KeyType, keys: KeyRing): Promise<PrivateKey> {
  const kept = keys.read(name)
  if (kept === null) {
    const made = await makePrivateKey(type)
    keys.keep(name, made.pem)
    return made
  }
  const key = readPrivateKey(kept)
  if (key.type === type) return key
  throw new Fault(
    'key-unsupported',
    `The key ${name} is there already, of the type ${key.type} and not ${type}. Choose another name for the CA.`,
    { key: name, type: key.type }
  )
}
