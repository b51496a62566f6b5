// One query in a process of its own: node bench/store-query.ts DIRECTORY
import { systemClock } from '../core/clock.ts'
import { openStore } from '../sensor/store/store.ts'

const day = 86_400_000
const directory = process.argv[2] ?? ''
const start = systemClock.ticks()
const store = openStore({ directory, busyMs: 5_000 })
const now = systemClock.now()
const page = store.pages.page({ filter: { expiresBefore: now + 30 * day }, order: 'expiry', limit: 50, now })
const ms = systemClock.ticks() - start
store.close()
console.log(JSON.stringify({ ms, rows: page.rows.length }))
