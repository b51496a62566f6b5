import {
  bindPlan,
  type BoundPlan,
  type CertificateItem,
  type DeviceKeyRequest,
  type DeviceKeys,
  type MadeKey,
  type Session
} from '../../connectors/contract.ts'
import { checkDeviceRequest } from '../../sensor/issuance/device-request.ts'
import { signal } from './deployment.ts'
import type { DeviceKeyWorld, World } from './world.ts'

export function keysIn({ deviceKeys }: World): DeviceKeyWorld {
  if (deviceKeys) return deviceKeys
  throw new Error('the world makes keys')
}

export function offered({ deviceKeys }: Session): DeviceKeys {
  if (deviceKeys) return deviceKeys
  throw new Error('the session makes keys')
}

const ids = ['0f1e2d3c4b5a6978', '8796a5b4c3d2e1f0', '1122334455667788'] as const

/** what is asked of the device for each family; the keys of a round have an id of their own for each family */
export function requestsOf({ target, families, names, deviceKeys }: World, round = 0): DeviceKeyRequest[] {
  return families.map((family, at) => ({
    target,
    family,
    id: (ids[round] ?? '').replace(/^./, String(at)),
    type: deviceKeys?.types[at] ?? 'rsa-2048',
    names,
    subject: { O: 'Shop & Söhne' }
  }))
}

export interface Made {
  readonly request: DeviceKeyRequest
  readonly pem: string
  readonly spki: string
}

export async function makeAll(world: World, session: Session, round = 0): Promise<Made[]> {
  const made: Made[] = []
  for (const request of requestsOf(world, round)) {
    const pem = await offered(session).make(request, signal)
    const { spki } = checkDeviceRequest(pem, { keyType: request.type, names: request.names })
    made.push({ request, pem, spki })
  }
  return made
}

export interface Prepared {
  readonly plan: BoundPlan
  readonly bundle: readonly CertificateItem[]
  readonly fingerprints: Readonly<Record<string, string>>
}

export async function prepareFor(world: World, session: Session, made: readonly Made[]): Promise<Prepared> {
  const { target, families } = world
  const keyWorld = keysIn(world)
  const plan = await session.plan({ target, families, deviceKeys: keyWorld.types }, signal)
  const bundle = made.map(({ request, pem }) => keyWorld.sign(request.family, pem))
  const fingerprints = Object.fromEntries(bundle.map(({ family, fingerprint }) => [family, fingerprint]))
  const keys = Object.fromEntries(
    made.map(({ request, spki }): [string, MadeKey] => [request.family, { id: request.id, spki }])
  )
  return { plan: bindPlan(plan, fingerprints, keys), bundle, fingerprints }
}

export async function removeAll(world: World, session: Session, round = 0): Promise<string[]> {
  const removed: string[] = []
  for (const request of requestsOf(world, round)) removed.push(await offered(session).remove(request, signal))
  return removed
}
