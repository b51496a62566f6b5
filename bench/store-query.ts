// One query in a process of its own: node bench/store-query.ts DIRECTORY
import { systemClock } from '../core/clock.ts'
import { openStore } from '../sensor/store/store.ts'

const day = 86_400_000
const directory = process.argv[2] ?? ''
const start = systemClock.ticks()
const store = openStore({ directory, busyMs: 5_000 })
const now = systemClock.now()
const filter = { expiresBefore: now + 30 * day }
const page = store.pages.page({ filter, order: 'expiry', limit: 50, now })
const ms = systemClock.ticks() - start
const summary = store.summary.read(filter, now)
const summaryMs = systemClock.ticks() - start - ms
store.close()
console.log(JSON.stringify({ ms, summaryMs, rows: page.rows.length, endpoints: summary.endpoints }))
