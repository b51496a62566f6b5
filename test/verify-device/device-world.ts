import { isIP } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { BundleItem, KeyFamily, Session } from '../../connectors/contract.ts'
import { Secret } from '../../core/secret.ts'
import { signal } from '../contract/deployment.ts'
import type { OutsideWorld } from '../contract/world.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'
import { startCutProxy } from '../peers/hosts/cut-proxy.ts'
import { accessTo, identified, type Device, type Target } from './device.ts'
import type { Given } from './given.ts'
import { chainsBy, expectedBy, shownBy, type Looks } from './looks.ts'
import { Disproved, whyOf } from './proof.ts'
import { reachesOf, settingsBy } from './reaches.ts'
import { restoring } from './restoring.ts'

/** Whom throw-away certificates come from; keys are in memory, and nowhere else. */
export interface Authorities {
  readonly usual: Certificate
  /** with one more authority above it */
  readonly far: Certificate
}

/** Makes them. */
export function createAuthorities(): Authorities {
  // who asks for RSA alone takes no other signature, that of an authority either
  const key = 'rsa2048'
  const root = createAuthority('Throw-away Root', { key })
  const middle = createAuthority('Throw-away Middle', { key, issuer: root })
  return {
    usual: createAuthority('Throw-away Issuing', { key, issuer: root }),
    far: createAuthority('Throw-away Far', { key, issuer: middle })
  }
}

/** What a device is tried with. */
export interface Trial {
  readonly given: Given
  readonly device: Device
  readonly target: Target
  readonly looks: Looks
  readonly authorities: Authorities
  readonly watch: DeviceWatch
  /** what the device held and showed before the first case */
  readonly before: string
}

/** A world that says how it was reached. */
export interface DeviceWorld extends OutsideWorld {
  /** connections through the relay, or null without one */
  connections(): number | null
}

/** The device is not as it was before the case, and nobody may go on. */
export class NotRestored extends Error {
  override readonly name = 'NotRestored'
}

/** Looks at a device by a session of its own, whatever becomes of those of cases. */
export interface DeviceWatch {
  /** what it holds and shows, as text; two are equal when nothing differs */
  state(): Promise<string>
  close(): Promise<void>
}

/** Opens it; nothing is connected before the first look. */
export function openWatch({
  device,
  looks
}: {
  readonly device: Device
  readonly looks: Looks
}): DeviceWatch {
  let session: Session | undefined
  return {
    async state() {
      if (!session?.isOpen()) session = await device.connector.connect(accessTo(device), signal)
      return stateIn(session, looks)
    },
    async close() {
      await session?.close()
      session = undefined
    }
  }
}

async function stateIn(session: Session, looks: Looks): Promise<string> {
  const found: unknown[] = []
  for await (const page of session.discover(signal)) found.push(...page)
  return JSON.stringify([found, await shownBy(looks.all)])
}

/**
 * A world for one case, over the connection of its own or through relays that can be cut. When it stops, what the case
 * began is undone, and the device must be as it was: throws {@link NotRestored} otherwise.
 */
export async function openWorld(trial: Trial, way: 'direct' | 'relayed'): Promise<DeviceWorld> {
  const { device, target, looks } = trial
  const lines: string[] = []
  const recorder = restoring(device.connector)
  const { connector } = recorder
  const relays = way === 'direct' ? [] : await relaysFor(device)
  const places = relays.map(({ port }) => ({ host: '127.0.0.1', port }))
  const settings = way === 'direct' ? device.settings : settingsBy(connector.id, device.settings, places)
  const closeRelays = async () => {
    for (const relay of relays) {
      relay.cut()
      await relay.close()
    }
  }
  const given = { ...trial.given, settings }
  const pins = way === 'direct' ? device.pins : samePins(await identified(given), device)
  return {
    connector,
    access: accessTo({ ...device, settings, pins }, lines),
    target: target.binding.target,
    names: target.names,
    families: target.families,
    role: device.check.role,
    issue: (chain) =>
      target.families.map((family) =>
        bundleItem(family, target, chain === 'longer' ? trial.authorities.far : trial.authorities.usual)
      ),
    shown: () => shownBy(looks.all),
    shownChains: () => chainsBy(looks.all),
    expected: (fingerprints) => expectedBy(looks.all, fingerprints),
    snapshot: () => trial.watch.state(),
    cut() {
      for (const relay of relays) {
        relay.refuse('refuse')
        relay.cut()
      }
    },
    mend() {
      for (const relay of relays) relay.refuse('mend')
    },
    logged: () => lines.join('\n'),
    credentials: [...device.secrets.values()].map(credentialText).filter((text) => text.length >= 8),
    connections: () =>
      way === 'direct' ? null : relays.reduce((sum, relay) => sum + relay.connections(), 0),
    async stop() {
      try {
        await recorder.restore(accessTo(device)).catch((thrown: unknown) => {
          throw new NotRestored(`the undo failed: ${whyOf(thrown)}`, { cause: thrown })
        })
        const after = await stateInTheEnd(trial).catch((thrown: unknown) => {
          throw new NotRestored(`what it holds cannot be read any more: ${whyOf(thrown)}`, { cause: thrown })
        })
        if (after !== trial.before) throw new NotRestored(differenceOf(trial.before, after))
      } finally {
        await closeRelays()
      }
    }
  }
}

function relaysFor({ connector, settings }: Device) {
  return Promise.all(reachesOf(connector.id, settings).map(({ host, port }) => startCutProxy(port, host)))
}

/** what the relays show must be what was accepted of the device itself */
function samePins(shown: Device['pins'], { pins }: Device): Device['pins'] {
  const stranger = shown.find(({ fingerprint }) => !pins.some((pin) => pin.fingerprint === fingerprint))
  if (stranger)
    throw new Disproved(`${stranger.what} is another one than the device itself: ${stranger.fingerprint}`)
  return shown
}

const restoredMs = 20_000

/** old workers of a server answer for a moment after an undo */
async function stateInTheEnd(trial: Trial): Promise<string> {
  for (const end = performance.now() + restoredMs; ;) {
    const state = await trial.watch.state()
    if (state === trial.before || performance.now() > end) return state
    await pause(500)
  }
}

function differenceOf(before: string, after: string): string {
  let at = 0
  while (at < before.length && before[at] === after[at]) at++
  const around = (text: string) => text.slice(Math.max(0, at - 80), at + 160)
  return `it was …${around(before)}…, and is …${around(after)}…`
}

function credentialText(secret: Secret): string {
  // a key is recognised by its base64, however it is broken into lines
  return secret.reveal().replaceAll(/-----[^-]+-----|\s/g, '')
}

function bundleItem(family: KeyFamily, { names }: Target, issuer: Certificate): BundleItem {
  const hosts = names.filter((name) => isIP(name) === 0)
  const made = createCertificate({
    names: hosts,
    ips: names.filter((name) => isIP(name) !== 0),
    // ub-common-name (RFC 5280, appendix A.1)
    commonName: [...hosts, ...names].find((name) => name.length <= 64) ?? null,
    organization: 'Throw-away, to verify a device',
    key: family === 'rsa' ? 'rsa2048' : 'p256',
    issuer,
    notAfter: Date.now() + 7 * 86_400_000
  })
  const { fingerprint, pem, keyPem } = made
  const chain = made.chain.slice(1).map((member) => member.pem)
  return { family, fingerprint, leaf: pem, chain, key: new Secret(keyPem) }
}
