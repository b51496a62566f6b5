import { Type } from 'typebox'
import { entryOf, type HandoverEntry, type HandoverFile, malformed } from './entry.ts'
import { readRecords } from './json-records.ts'
import { readLines } from './text.ts'

const Port = Type.Object({
  port: Type.Integer(),
  proto: Type.String(),
  status: Type.Optional(Type.String())
})

const Record = Type.Union([
  // -oJ: a status or, without one, a banner, which only an open port gives
  Type.Object({ ip: Type.String(), ports: Type.Array(Port) }),
  // -oD
  Type.Object({
    ip: Type.String(),
    port: Type.Integer(),
    proto: Type.String(),
    data: Type.Optional(Type.Object({ status: Type.Optional(Type.String()) }))
  })
])

// the last line of older versions, which is no JSON
const finished = /^\{\s*"?finished"?:\s*1\s*\}$/

/** Open TCP ports of masscan's JSON (-oJ, with or without its stray commas and `finished` line) or ndjson (-oD). */
export async function* readMasscanJson(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  for await (const { value, place } of readRecords(file, Record, (text) => finished.test(text))) {
    const ports = 'ports' in value ? value.ports : [{ ...value, status: value.data?.status }]
    for (const { port, proto, status } of ports) {
      if (proto === 'tcp' && (status ?? 'open') === 'open') yield entryOf({ host: value.ip, port }, place)
    }
  }
}

const listLine = /^(\w+) (\w+) (\d+) (\S+) (\d+)(?: .*)?$/

/** Open TCP ports of masscan's list (-oL): `open tcp 443 10.0.0.1 1700000000`. */
export async function* readMasscanList(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  for await (const { text, line } of readLines(file)) {
    if (text.trim() === '' || text.startsWith('#')) continue
    const place = { source: file.source, line }
    const [, status, protocol, port, host = ''] = listLine.exec(text) ?? []
    if (status === undefined) throw malformed(place, 'expected "open tcp PORT ADDRESS TIME"')
    if (protocol !== 'tcp' || (status !== 'open' && status !== 'banner')) continue
    yield entryOf({ host, port: Number(port) }, place)
  }
}
