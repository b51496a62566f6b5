import t from 'tap'
import { readCertificate } from '../../pki/quick.ts'
import { requestFor } from '../unit/issuance-world.ts'
import { calm } from './acme-world.ts'
import { drive, issuerWorld, pebbleSkipped } from './issuer-world.ts'

for (const edition of ['debian', 'new'] as const) {
  t.test(
    `names are proved by the listener (${edition} pebble)`,
    { skip: pebbleSkipped(edition) },
    async (t) => {
      const { pebble, open, memory } = await issuerWorld(t, { edition })
      const issuer = open()
      const request = await requestFor(['a.test', 'b.test'])
      const kept = memory()
      const { chain } = await drive(issuer, request, kept)
      t.equal(readCertificate(chain[0] ?? Buffer.alloc(0)).spki, request.privateKey.spki)
      t.equal(pebble.gate.count('newOrder'), 1)
      t.equal(pebble.gate.count('finalize'), 1)
      t.comment(JSON.stringify(await issuer.check(calm)))
    }
  )
}
