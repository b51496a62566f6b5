import { systemClock, type Clock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import type { Secret } from '../../core/secret.ts'
import { makeCsr } from '../../pki/csr.ts'
import type { RevokedCertificate } from '../../pki/private-ca.ts'
import { type KeyType, makePrivateKey, type PrivateKey } from '../../pki/private-key.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { CertificateRequest, OrderMemory } from '../../sensor/issuance/issuer.ts'
import type { KeyRing } from '../../sensor/issuance/key-ring.ts'
import { type PrivateCaRecipe, setUpPrivateCa } from '../../sensor/issuance/private-ca-setup.ts'
import type { IssuedRegister, PrivateCaSettings, PrivateCaTools } from '../../sensor/issuance/private-ca.ts'

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs
export const never = new AbortController().signal

/** The clock of the machine, moved. */
export function clockAt(offsetMs: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + offsetMs }
}

/** A request with a key of its own. */
export async function requestFor(
  names: readonly string[],
  more: Partial<CertificateRequest> = {}
): Promise<CertificateRequest & { readonly privateKey: PrivateKey }> {
  const keyType: KeyType = more.keyType ?? 'ec-p256'
  const privateKey = await makePrivateKey(keyType)
  return {
    names,
    csr: await makeCsr({ key: privateKey, names }),
    keyType,
    validityMs: null,
    issuerProfile: null,
    preferredChain: null,
    replaces: null,
    ...more,
    privateKey
  }
}

/** A place where the power may fail: before or after a write is on the disk. */
export interface Power {
  /** counts writes; at this one it fails */
  failsAt: number
  /** is the write on the disk then? */
  written: boolean
}

export const stable = (): Power => ({ failsAt: Infinity, written: true })

function durably(power: Power, write: () => void): void {
  power.failsAt--
  if (power.failsAt !== 0) return write()
  if (power.written) write()
  throw new Error('power failure')
}

export function memoryOn(power: Power = stable()): OrderMemory & { readonly text: () => string | null } {
  let text: string | null = null
  return {
    text: () => text,
    read: () => text,
    write: (memory) => durably(power, () => (text = memory))
  }
}

export function keyRing(): KeyRing & { readonly names: () => string[] } {
  const keys = new Map<string, Secret>()
  return {
    names: () => [...keys.keys()],
    read: (name) => keys.get(name) ?? null,
    keep(name, key) {
      if (keys.has(name)) throw new Error(`${name} is there`)
      keys.set(name, key)
    }
  }
}

export function register(power: Power = stable()): IssuedRegister & { readonly all: () => Uint8Array[] } {
  const issued = new Map<string, Uint8Array>()
  const revoked = new Map<string, RevokedCertificate>()
  let crls = 0
  return {
    all: () => [...issued.values()],
    find: (serial) => issued.get(serial) ?? null,
    keep(serial, certificate) {
      durably(power, () => {
        if (!issued.has(serial)) issued.set(serial, certificate)
      })
      return issued.get(serial) ?? certificate
    },
    revoke(one) {
      if (!revoked.has(one.serial)) revoked.set(one.serial, one)
    },
    revoked: (now) =>
      [...revoked.values()].filter(({ serial }) => {
        const der = issued.get(serial)
        return der !== undefined && readCertificate(der).notAfter > now
      }),
    nextCrlNumber: () => ++crls
  }
}

export const recipe: PrivateCaRecipe = {
  name: 'corp',
  root: { O: 'Corp', CN: 'Corp root' },
  issuer: { O: 'Corp', CN: 'Corp issuer' },
  keyType: 'ec-p256',
  rootLifeMs: 3650 * dayMs,
  issuerLifeMs: 365 * dayMs,
  permitted: { domains: ['corp.example'], networks: ['10.0.0.0/8'] }
}

/** A private CA that was set up, with everything it works with. */
export async function privateCa(power: Power = stable()): Promise<{
  settings: PrivateCaSettings
  tools: PrivateCaTools & { register: ReturnType<typeof register> }
  root: Buffer
}> {
  const keys = keyRing()
  const clock = systemClock
  const { root, issuer, key } = await setUpPrivateCa(recipe, { keys, clock, random: systemRandom })
  const settings = {
    key,
    certificate: issuer,
    above: [root],
    validityMs: 7 * dayMs,
    maxValidityMs: 30 * dayMs,
    crlUrls: []
  }
  return { settings, tools: { keys, clock, random: systemRandom, register: register(power) }, root }
}
