import type { Test } from 'tap'
import { type Meeting, type Patience, meet } from './raw.ts'
import type { PeerRow } from './row.ts'

/** What a peer does when it is sent something, as plain values that can be compared. */
export interface Case {
  readonly send: Uint8Array | string
  readonly sees: (meeting: Meeting) => unknown
  readonly wants: unknown
  readonly patience?: Patience
}

/** Makes a test of each peer that is named, and tells which of the rows nobody has looked at. */
export function checker(t: Test, rows: readonly PeerRow[]) {
  const byName = new Map(rows.map((row) => [row.name, row]))
  const checked = new Set<string>()
  return {
    /** one connection for each case, one after the other */
    check(this: void, name: string, ...cases: readonly Case[]): void {
      checked.add(name)
      void t.test(name, { buffered: true }, async (t) => {
        const row = byName.get(name)
        if (!row) throw new Error(`no peer is called ${name}`)
        const peer = await row.start()
        for (const { send, sees, wants, patience } of cases) {
          t.same(sees(await meet(peer.port, send, patience)), wants)
        }
        t.equal(peer.connections?.total, cases.length, 'it counts its connections')
        await peer.close()
      })
    },
    /** rows that were neither checked nor can be seen by openssl */
    unseen: (): string[] =>
      rows.filter(({ name, sclient }) => !checked.has(name) && sclient.length === 0).map(({ name }) => name)
  }
}
