import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { entryOf, type HandoverEntry, type HandoverFile, malformed, type Place } from './entry.ts'
import { readText } from './text.ts'

// more than a tag of nmap takes with the longest script output; what is longer would only fill the memory
const longestToken = 8_388_608
const deepest = 64
// nmap writes what the user typed and what DNS says; each name is asked for on every port
const mostNames = 100

/**
 * Open TCP ports of nmap's XML (-oX), or masscan's in the same form. Each port gives one pair per host name that
 * nmap reports, and one without a name unless the host was named on nmap's command line.
 *
 * Harmless on hostile input: entities of a DTD are never expanded (saxes does not, and a DTD with declarations is
 * refused), depth and token length are bounded.
 */
export async function* readNmap(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  const reader = new NmapReader(file.source)
  for await (const text of readText(file)) yield* reader.take(text)
  yield* reader.end()
}

interface HostSoFar {
  address: string | null
  readonly names: { readonly name: string; readonly given: boolean }[]
  readonly ports: { readonly port: number; readonly place: Place }[]
}

type FoundHost = HostSoFar & { readonly address: string }

class NmapReader {
  readonly #source: string
  readonly #xml = new SaxesParser<{ position: true; xmlns: false }>({ position: true, xmlns: false })
  readonly #hosts: FoundHost[] = []
  #mark = 0
  #depth = 0
  #host: HostSoFar | null = null
  #port: { readonly protocol: string; readonly id: string } | null = null
  #rootSeen = false

  constructor(source: string) {
    this.#source = source
    this.#xml.on('error', (error) => {
      throw malformed(
        this.#here(),
        `expected nmap XML: ${error.message.replace(/^\d+:\d+: |\.$/g, '')}`,
        error
      )
    })
    this.#xml.on('doctype', (doctype) => {
      if (doctype.includes('[')) throw malformed(this.#here(), 'a DTD with declarations is not read')
    })
    this.#xml.on('opentag', (tag) => this.#open(tag))
    this.#xml.on('closetag', (tag) => this.#close(tag))
  }

  *take(text: string): Generator<HandoverEntry> {
    this.#xml.write(text)
    if (this.#xml.position - this.#mark > longestToken)
      throw malformed(this.#here(), 'something here does not end')
    for (const host of this.#hosts.splice(0)) yield* entriesOf(host)
  }

  *end(): Generator<HandoverEntry> {
    this.#xml.close()
    for (const host of this.#hosts.splice(0)) yield* entriesOf(host)
  }

  #here(): Place {
    return { source: this.#source, line: this.#xml.line, column: this.#xml.columnIndex + 1 }
  }

  #open({ name, attributes }: SaxesTagPlain): void {
    this.#mark = this.#xml.position
    if (++this.#depth > deepest)
      throw malformed(this.#here(), 'expected nmap XML: elements are nested too deeply')
    if (!this.#rootSeen && name !== 'nmaprun') {
      throw malformed(this.#here(), `expected <nmaprun>, found <${name.slice(0, 40)}>`)
    }
    this.#rootSeen = true
    if (name === 'host') this.#host = { address: null, names: [], ports: [] }
    if (this.#host) this.#inHost(this.#host, name, attributes)
  }

  #inHost(host: HostSoFar, tag: string, attributes: Readonly<Record<string, string>>): void {
    if (tag === 'address' && attributes['addrtype'] !== 'mac') host.address ??= attributes['addr'] ?? null
    if (tag === 'hostname' && attributes['name']) {
      host.names.push({ name: attributes['name'], given: attributes['type'] === 'user' })
    }
    if (tag === 'port')
      this.#port = { protocol: attributes['protocol'] ?? '', id: attributes['portid'] ?? '' }
    if (tag === 'state' && attributes['state'] === 'open' && this.#port?.protocol === 'tcp') {
      if (!/^\d{1,5}$/.test(this.#port.id)) throw malformed(this.#here(), 'expected portid="1" to "65535"')
      host.ports.push({ port: Number(this.#port.id), place: this.#here() })
    }
  }

  #close({ name }: SaxesTagPlain): void {
    this.#mark = this.#xml.position
    this.#depth--
    if (name === 'port') this.#port = null
    if (name !== 'host' || !this.#host) return
    if (this.#host.ports.length > 0) this.#hosts.push(this.#checked(this.#host))
    this.#host = null
  }

  #checked({ address, names, ports }: HostSoFar): FoundHost {
    if (address === null) throw malformed(this.#here(), 'expected <address> in a <host> with open ports')
    if (names.length > mostNames)
      throw malformed(this.#here(), `expected at most ${mostNames} <hostname>s in a <host>`)
    return { address, names, ports }
  }
}

function* entriesOf({ address, names, ports }: FoundHost): Generator<HandoverEntry> {
  const asked = names.some(({ given }) => given) ? [] : [null]
  const all = new Set([...asked, ...names.map(({ name }) => name)])
  for (const { port, place } of ports) {
    for (const name of all) yield entryOf({ host: address, name, port }, place)
  }
}
