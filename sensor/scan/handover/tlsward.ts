import { Type } from 'typebox'
import { entryOf, type HandoverEntry, type HandoverFile } from './entry.ts'
import { readRecords } from './json-records.ts'

const Place = Type.Object({
  type: Type.String(),
  address: Type.Optional(Type.String()),
  port: Type.Optional(Type.Integer()),
  name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  owner: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  tags: Type.Optional(Type.Array(Type.String()))
})

/** records that say where an endpoint is; the others (scan, summary, certificate) are left out */
const placed = new Set(['endpoint', 'change', 'deep', 'ssh'])

/** The endpoints of our own JSON lines (docs/json.md), with the names that they were asked by. */
export async function* readTlsward(file: HandoverFile): AsyncGenerator<HandoverEntry> {
  for await (const { value, place } of readRecords(file, Place)) {
    const { type, address, port = null, name, owner = null, tags = [] } = value
    if (!placed.has(type) || address === undefined) continue
    yield { ...entryOf({ host: address, name, port }, place), owner, tags }
  }
}
