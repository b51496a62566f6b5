import type { KeyFamily } from '../../connectors/contract.ts'
import { shakeHands } from '../peers/handshake.ts'
import type { Target } from './device.ts'

/** One handshake that shows what the target holds for a kind of key. */
export interface Look {
  readonly host: string
  readonly port: number
  readonly name: string | null
  readonly family: KeyFamily
}

/** Where the target can be seen from here. */
export interface Looks {
  readonly all: readonly Look[]
  /** places that are not looked at, each with the reason */
  readonly notes: readonly string[]
}

/** more would keep each case waiting */
const mostLooks = 40

/**
 * Tries each place where the target is served with each kind of its keys. A place that gives no certificate cannot be
 * seen from here, or serves another kind of key there; one that shows any is held to what the target holds.
 */
export async function looksAt({ binding, families }: Target): Promise<Looks> {
  const notes: string[] = []
  const wanted = binding.served.flatMap(({ address, port, name, starttls }) => {
    if (starttls === null) return families.map((family) => ({ host: address, port, name, family }))
    notes.push(
      `${placeOf({ host: address, port, name })}: ${starttls} begins in the clear, and is not looked at`
    )
    return []
  })
  if (wanted.length > mostLooks) notes.push(`${wanted.length - mostLooks} more places are not looked at`)
  const all: Look[] = []
  for (const look of wanted.slice(0, mostLooks)) {
    const shown = await shakeHands(look)
    if (shown.ok) all.push(look)
    else notes.push(`${lineOf(look)}: ${shown.error}`)
  }
  return { all, notes }
}

/** What full handshakes show, a line for each look. */
export async function shownBy(looks: readonly Look[]): Promise<readonly string[]> {
  const lines: string[] = []
  for (const look of looks) {
    const shown = await shakeHands(look)
    lines.push(`${lineOf(look)} ${shown.ok ? shown.fingerprint : `error: ${shown.error}`}`)
  }
  return lines
}

/** What they must show when the target holds these certificates. */
export function expectedBy(
  looks: readonly Look[],
  fingerprints: Readonly<Partial<Record<KeyFamily, string>>>
): readonly string[] {
  return looks.map((look) => `${lineOf(look)} ${fingerprints[look.family] ?? ''}`)
}

/** Fingerprints behind the leaf, a list for each look. */
export async function chainsBy(looks: readonly Look[]): Promise<readonly (readonly string[])[]> {
  const chains: (readonly string[])[] = []
  for (const look of looks) {
    const shown = await shakeHands(look)
    chains.push(shown.ok ? shown.chain : [`error: ${shown.error}`])
  }
  return chains
}

function placeOf({ host, port, name }: Omit<Look, 'family'>): string {
  const address = host.includes(':') ? `[${host}]` : host
  return `${address}:${port}${name === null ? '' : `@${name}`}`
}

function lineOf(look: Look): string {
  return `${placeOf(look)} ${look.family}`
}
