import * as fc from 'fast-check'
import t from 'tap'
import { mysqlPrelude } from '../../sensor/scan/probe/starttls/mysql.ts'
import { mysqlPacket } from '../peers/starttls/binary.ts'

/** A talk that has begun: the login is said. */
function begun() {
  const closing = mysqlPrelude().closing?.()
  if (!closing) throw new Error('it has no closing')
  const login = Buffer.from(closing.feed(new Uint8Array(0)) ?? [])
  return { closing, login }
}

t.test('the login is whole, of nobody, and proves nothing', (t) => {
  const { login } = begun()
  t.equal(login.readUIntLE(0, 3), login.length - 4)
  t.equal(login[3], 2, 'the third packet of the talk, after the greeting and our request for TLS')
  t.equal(login.subarray(36, 44).toString(), 'tlsward\0')
  t.equal(login[44], 20)
  t.equal(login.length, 65)
  t.end()
})

t.test('a refusal ends the talk, in any pieces', (t) => {
  const refusal = mysqlPacket(3, Buffer.from('\xff\x15\x04#28000Access denied', 'latin1'))
  t.equal(begun().closing.feed(refusal), null)
  const { closing } = begun()
  t.equal(closing.feed(refusal.subarray(0, 4))?.length, 0)
  t.equal(closing.feed(refusal.subarray(4)), null)
  t.equal(begun().closing.feed(mysqlPacket(3, Uint8Array.of(0, 0, 0, 2, 0))), null, 'and so does a success')
  t.end()
})

t.test('a server that wants another proof gets one that is as wrong', (t) => {
  const { closing } = begun()
  const reply = Buffer.from(
    closing.feed(mysqlPacket(3, Buffer.from('\xfecaching_sha2_password\0salt', 'latin1'))) ?? []
  )
  t.equal(reply[3], 4, 'the next packet')
  t.equal(reply.length, 24)
  const password = Buffer.from(closing.feed(mysqlPacket(5, Uint8Array.of(1, 4))) ?? [])
  t.equal(password[3], 6)
  t.equal(password.subarray(4).toString(), 'none\0')
  t.equal(closing.feed(mysqlPacket(7, Uint8Array.of(0xff, 0, 0))), null)
  t.end()
})

t.test('whatever a server says, the talk ends and never throws', (t) => {
  const run = fc.property(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 }), { maxLength: 40 }),
    (pieces) => {
      const { closing } = begun()
      let said = 0
      for (const piece of pieces) {
        const reply = closing.feed(piece)
        if (reply === null) return true
        said += reply.length
      }
      return said <= 4 * 24
    }
  )
  fc.assert(run, { seed: 20_261_125, numRuns: 1_000 })
  const { closing } = begun()
  const more = mysqlPacket(3, Uint8Array.of(1, 3))
  t.same(
    Array.from({ length: 6 }, () => closing.feed(more)?.length ?? 'over'),
    [0, 0, 0, 0, 'over', 'over']
  )
  t.end()
})
