/** Where a virtual server listens, read from its destination. */
export interface Destination {
  /** without route domain */
  readonly address: string
  readonly port: number
  readonly routeDomain: number | null
}

const services: Readonly<Record<string, number>> = { any: 0, http: 80, https: 443, ldaps: 636, imaps: 993 }

/**
 * Reads /Common/10.0.0.10:443, /Common/10.0.0.10%2:443, /Common/2001:db8::10.443, /Common/2001:db8::10%3.443, :any,
 * :https, /P/folder/…, any6.443. Null when it is none of these.
 */
export function readDestination(text: string): Destination | null {
  const last = text.slice(text.lastIndexOf('/') + 1)
  const match =
    /^(?<address>[0-9.]+|any)(?:%(?<domain>\d+))?:(?<port>[\w-]+)$/.exec(last) ??
    /^(?<address>[0-9a-fA-F:]+(?:[0-9.]+\.[0-9]+)?|any6?)(?:%(?<domain>\d+))?\.(?<port>[\w-]+)$/.exec(last)
  const { address, domain, port = '' } = match?.groups ?? {}
  if (address === undefined) return null
  const number = /^\d+$/.test(port) ? Number(port) : services[port]
  if (number === undefined || number > 65_535) return null
  return { address, port: number, routeDomain: domain === undefined ? null : Number(domain) }
}

/** May the simulator listen there? It never does so anywhere but on the loopback. */
export function isLoopback(address: string): boolean {
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address) || address === '::1'
}
