import { createServer as createApi, type Server as Api } from 'node:https'
import type { IncomingMessage, Server as Listener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createSite, type Server as TlsServer } from 'node:tls'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { type Certificate, createCertificate, pemOf } from '../certificates.ts'

/** A certificate as the appliance stores it; nothing gives out the key. */
interface StoredCertificate {
  /** PEM, leaf first */
  readonly chain: string
  /** PEM */
  readonly key: string
  /** 1, 2, 3 …: the order in which they came */
  readonly number: number
}

interface StoredSite {
  readonly names: readonly string[]
  readonly certificate: string
  /** `acme`: the appliance renews it by itself */
  readonly renewal: 'none' | 'acme'
}

interface Configuration {
  readonly certificates: Record<string, StoredCertificate>
  readonly sites: Record<string, StoredSite>
}

/** A site that an appliance is started with. */
export interface ApplianceSite {
  readonly names: readonly string[]
  readonly certificate: Certificate
  readonly renewal?: 'acme'
}

/** The one token that it lets in. */
export const applianceToken = 'tiny-4f1c-secret-token'

/**
 * A little load balancer: sites that end TLS, and an HTTP API over TLS with a token. What is changed works at once, and
 * lasts over a restart once it is saved.
 */
export class TinyAppliance {
  /** of the API */
  port = 0
  /** of each site */
  readonly ports: Record<string, number> = {}
  /** requests that were answered, or should have been */
  requests = 0
  /** of them, those that changed something */
  writes = 0
  /** credentials that came in, right or wrong */
  readonly shownTokens: string[] = []
  #running: Configuration = { certificates: {}, sites: {} }
  #saved: Configuration = { certificates: {}, sites: {} }
  readonly #servers = new Map<string, TlsServer>()
  #api: Api | undefined
  #cutAfter: number | null = null
  #cable: 'whole' | 'cut' = 'whole'

  /** Starts the API and every site on free ports of the loopback. */
  static async start(sites: Readonly<Record<string, ApplianceSite>>): Promise<TinyAppliance> {
    const appliance = new TinyAppliance()
    for (const [name, { names, certificate, renewal = 'none' }] of Object.entries(sites)) {
      const stored = { chain: pemOf(certificate.chain), key: certificate.keyPem }
      appliance.#put(`${name}-first`, stored)
      appliance.#running.sites[name] = { names, certificate: `${name}-first`, renewal }
    }
    appliance.#saved = structuredClone(appliance.#running)
    const own = createCertificate({ names: ['tiny-appliance'] })
    appliance.#api = createApi({ cert: own.pem, key: own.keyPem }, (request, response) => {
      void appliance.#serve(request, response)
    })
    appliance.port = await listening(appliance.#api)
    for (const name of Object.keys(sites)) {
      const server = createSite(appliance.#credentials(name))
      // clients go as soon as they have seen what they want
      server.on('tlsClientError', () => {})
      server.on('secureConnection', (socket) => socket.on('error', () => {}))
      appliance.#servers.set(name, server)
      appliance.ports[name] = await listening(server)
    }
    return appliance
  }

  /** Everything that it holds, as text: what works and what is saved. */
  get content(): string {
    return JSON.stringify([this.#running, this.#saved])
  }

  /** Somebody switches it off and on: what was not saved is lost. */
  restart(): void {
    this.#running = structuredClone(this.#saved)
    for (const name of this.#servers.keys()) this.#reload(name)
  }

  /** Somebody puts another certificate in a site's place, and saves. */
  replace(site: string, certificate: Certificate): void {
    this.put(`${site}-theirs`, certificate)
    this.#bind(site, `${site}-theirs`)
    this.#saved = structuredClone(this.#running)
  }

  /** Somebody stores a certificate, in the place of one of this name, and saves. */
  put(name: string, { chain, keyPem }: Certificate): void {
    this.#put(name, { chain: pemOf(chain), key: keyPem })
    this.#saved = structuredClone(this.#running)
  }

  /** A certificate as it is stored under a name, as text. */
  certificate(name: string): string {
    return JSON.stringify([this.#running.certificates[name], this.#saved.certificates[name]])
  }

  /** Somebody changes something and does not save it. */
  rename(site: string, names: readonly string[]): void {
    const { sites } = this.#running
    const found = sites[site]
    if (found) sites[site] = { ...found, names }
  }

  /** No connection to the API lives on, and none comes about any more, until it is mended. */
  cut(): void {
    this.#cable = 'cut'
    this.#api?.closeAllConnections()
  }

  mend(): void {
    this.#cable = 'whole'
    this.#cutAfter = null
  }

  /** Does the nth request from now on, and cuts the cable instead of answering it. */
  cutAt(nth: number): void {
    this.#cutAfter = this.requests + nth
  }

  async stop(): Promise<void> {
    this.#api?.closeAllConnections()
    const servers: Listener[] = this.#api ? [this.#api] : []
    for (const server of [...servers, ...this.#servers.values()]) {
      await new Promise((resolve) => server.close(resolve))
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#cable === 'cut') return void request.socket.destroy()
    this.requests++
    let text = ''
    for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString()
    const token = request.headers.authorization ?? ''
    this.shownTokens.push(token)
    const { status, body } =
      token === `Bearer ${applianceToken}`
        ? this.#answer(`${request.method} ${request.url}`, text)
        : { status: 401, body: { error: 'no such token' } }
    if (this.requests === this.#cutAfter) return this.cut()
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #answer(what: string, text: string): { readonly status: number; readonly body: unknown } {
    const [method, , kind = '', name = ''] = what.split(/[ /]/).map(decodeURIComponent)
    const { certificates, sites } = this.#running
    const given = (text === '' ? {} : JSON.parse(text)) as Record<string, string>
    if (method !== 'GET') this.writes++
    switch (`${method} ${kind}`) {
      case 'GET system':
        return answer({ product: 'Tiny Appliance', version: '1.2', unsaved: this.#unsaved() })
      case 'GET sites':
        return answer(
          Object.entries(sites).map(([site, of]) => ({ site, port: this.ports[site] ?? 0, ...of }))
        )
      case 'GET certificates':
        return answer(
          Object.entries(certificates).map(([name, { chain, number }]) => ({ name, chain, number }))
        )
      case 'PUT certificates':
        if (!matches(given)) return refused('the key is not that of the certificate')
        this.#put(name, { chain: given['chain'] ?? '', key: given['key'] ?? '' })
        return answer({})
      case 'DELETE certificates':
        if (Object.values(sites).some((site) => site.certificate === name)) return refused('it is in use')
        delete certificates[name]
        return answer({})
      case 'PUT sites':
        if (!certificates[given['certificate'] ?? '']) return refused('there is no such certificate')
        this.#bind(name, given['certificate'] ?? '')
        return answer({})
      case 'POST save':
        this.#saved = structuredClone(this.#running)
        return answer({})
      default:
        return { status: 404, body: { error: 'no such thing' } }
    }
  }

  /** names of what works otherwise than it is saved */
  #unsaved(): string[] {
    const parts = ({ certificates, sites }: Configuration) =>
      new Map(
        Object.entries({ certificates, sites }).flatMap(([kind, all]) =>
          Object.entries(all).map(([name, one]) => [`${kind}/${name}`, JSON.stringify(one)] as const)
        )
      )
    const [now, then] = [parts(this.#running), parts(this.#saved)]
    return [...new Set([...now.keys(), ...then.keys()])].filter((name) => now.get(name) !== then.get(name))
  }

  #put(name: string, { chain, key }: { readonly chain: string; readonly key: string }): void {
    const { certificates } = this.#running
    const number = 1 + Math.max(0, ...Object.values(certificates).map((one) => one.number))
    certificates[name] = { chain, key, number: certificates[name]?.number ?? number }
    for (const [site, { certificate }] of Object.entries(this.#running.sites)) {
      if (certificate === name) this.#reload(site)
    }
  }

  #bind(site: string, certificate: string): void {
    const { sites } = this.#running
    const found = sites[site]
    if (found) sites[site] = { ...found, certificate }
    this.#reload(site)
  }

  #reload(site: string): void {
    this.#servers.get(site)?.setSecureContext(this.#credentials(site))
  }

  #credentials(site: string): { readonly cert: string; readonly key: string } {
    const stored = this.#running.certificates[this.#running.sites[site]?.certificate ?? '']
    return { cert: stored?.chain ?? '', key: stored?.key ?? '' }
  }
}

function answer(body: unknown) {
  return { status: 200, body }
}

function refused(error: string) {
  return { status: 422, body: { error } }
}

function matches({ chain = '', key = '' }: Readonly<Record<string, string>>): boolean {
  return new X509Certificate(chain).checkPrivateKey(createPrivateKey(key))
}

function listening(server: Listener | TlsServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, () => resolve((server.address() as AddressInfo).port))
  })
}
