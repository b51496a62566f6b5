import { Type } from 'typebox'
import { entryOf, type HandoverEntry, type HandoverFile, malformed } from './entry.ts'
import { readRecords } from './json-records.ts'

const Grab = Type.Object({
  ip: Type.Optional(Type.String()),
  domain: Type.Optional(Type.String()),
  port: Type.Optional(Type.Integer()),
  data: Type.Optional(
    Type.Record(Type.String(), Type.Object({ status: Type.String(), port: Type.Optional(Type.Integer()) }))
  )
})

// statuses of zgrab2 that say nothing of an open port; the others come after a connection
const notOpen = new Set([
  'connection-refused',
  'connection-timeout',
  'invalid-inputs',
  'blocklisted-target',
  'unknown-error'
])

/**
 * Hosts that zgrab2 could connect to, one entry per module that did. Versions before 1.0 do not write which port
 * a module used: such entries have none, and the ports of the scan hold.
 */
export async function* readZgrab2(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  for await (const { value, place } of readRecords(file, Grab)) {
    const host = value.ip || value.domain
    if (!host) throw malformed(place, 'expected "ip" or "domain"')
    for (const { status, port } of Object.values(value.data ?? {})) {
      if (notOpen.has(status)) continue
      yield entryOf({ host, name: value.domain, port: port || value.port || null }, place)
    }
  }
}
