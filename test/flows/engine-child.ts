// Takes an event to its end in a process of its own, which may be killed anywhere: `node engine-child.ts SITE EVENT`.
import { drive, openSite, type Site } from './engine-world.ts'

const [site = '', event = ''] = process.argv.slice(2)
const open = openSite(JSON.parse(site) as Site)
open.store.engineTurn.take(open.clock.now())
const { store } = open
const over = () =>
  store.events.get(Number(event)).open === 0 || store.events.get(Number(event)).state === 'stuck'
await drive(open, over)
open.store.close()
