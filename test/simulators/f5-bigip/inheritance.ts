import { clientSslDefaults, notInherited } from './client-ssl-defaults.ts'
import type { CertKeyChain, ClientSsl, Configuration, Draft } from './configuration.ts'
import type { JsonObject } from './json.ts'

type Either = Pick<Configuration | Draft, 'clientSsl'>

/** The profile and those that it descends from, the root last. */
export function ancestry({ clientSsl }: Either, fullPath: string): ClientSsl[] {
  const found: ClientSsl[] = []
  for (let next: string | null = fullPath; next !== null;) {
    const profile: ClientSsl | undefined = clientSsl[next]
    // a circle is refused when it is made
    if (!profile || found.includes(profile)) break
    found.push(profile)
    next = profile.defaultsFrom
  }
  return found
}

/** Settings as they work: its own, else the nearest ancestor's. */
export function effectiveSettings(configuration: Either, fullPath: string): JsonObject {
  const [own, ...parents] = ancestry(configuration, fullPath)
  const inherited = [...parents].reverse().map(({ settings }) => settings)
  const merged: JsonObject = Object.assign({}, clientSslDefaults, ...inherited) as JsonObject
  const reset = Object.fromEntries(notInherited.map((name) => [name, clientSslDefaults[name] ?? 'none']))
  return { ...merged, ...reset, ...own?.settings }
}

/** Pairs as they work: its own, else the nearest ancestor's. */
export function effectivePairs(configuration: Either, fullPath: string): readonly CertKeyChain[] {
  return (
    ancestry(configuration, fullPath).find(({ certKeyChain }) => certKeyChain !== null)?.certKeyChain ?? []
  )
}

/** Profiles that name this one as their parent. */
export function childrenOf({ clientSsl }: Either, fullPath: string): ClientSsl[] {
  return Object.values(clientSsl).filter(({ defaultsFrom }) => defaultsFrom === fullPath)
}
