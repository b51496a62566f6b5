import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isHeld, takeLock } from '../../sensor/store/lock.ts'
import { directoryFor } from './inventory-world.ts'

t.test('nobody else may read a lock, since whoever reads it could hold it', (t) => {
  const directory = directoryFor(t)
  // a directory that was there keeps its rights
  chmodSync(directory, 0o755)
  const path = join(directory, 'scan.lock')
  const lock = takeLock(path)
  t.equal(statSync(path).mode & 0o077, 0)
  t.ok(isHeld(path))
  lock?.release()
  t.notOk(isHeld(path))
  t.end()
})
