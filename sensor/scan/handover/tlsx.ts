import { Type } from 'typebox'
import { entryOf, type HandoverEntry, type HandoverFile } from './entry.ts'
import { readRecords } from './json-records.ts'

const Response = Type.Object({
  host: Type.String(),
  ip: Type.Optional(Type.String()),
  port: Type.Union([
    Type.String({ pattern: '^[0-9]{1,5}$', description: 'a port from 1 to 65535' }),
    Type.Integer()
  ]),
  probe_status: Type.Optional(Type.Boolean()),
  sni: Type.Optional(Type.String())
})

/**
 * What tlsx (-json) reached: its address, port and the server name it sent. Failed probes are left out. Fields
 * as in its own Response type.
 */
export async function* readTlsx(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  for await (const { value, place } of readRecords(file, Response)) {
    const { host, ip, port, probe_status: reached, sni } = value
    if (reached === false) continue
    yield entryOf({ host: ip || host, name: sni || host, port: Number(port) }, place)
  }
}
