import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import { seededRandom } from '../../core/random.ts'
import { begin, finish, hmac, hmacKey, sha256 } from '../../sensor/scan/probe/sha256.ts'

const random = seededRandom(11)

t.test('SHA-256 equals node:crypto at every length around the blocks, whole and from a midstate', (t) => {
  for (let length = 0; length <= 700; length++) {
    const bytes = random.bytes(length)
    const wanted = createHash('sha256').update(bytes).digest()
    const cut = random.word() % (length + 1)
    if (!wanted.equals(sha256(bytes))) t.fail(`length ${length}`)
    if (!wanted.equals(finish(begin(bytes.subarray(0, cut)), bytes.subarray(cut)))) {
      t.fail(`length ${length}, midstate after ${cut}`)
    }
  }
  t.pass('701 lengths')
  t.end()
})

t.test('HMAC-SHA-256 equals node:crypto', (t) => {
  for (let round = 0; round < 500; round++) {
    const key = random.bytes(round % 65)
    const message = random.bytes(random.word() % 200)
    const wanted = createHmac('sha256', key).update(message).digest()
    if (!wanted.equals(hmac(hmacKey(key), message)))
      t.fail(`key of ${key.length}, message of ${message.length}`)
  }
  t.pass('500 keys and messages')
  t.end()
})
