// Takes an event to its end in a process of its own, which may be killed anywhere:
// `node device-keys-child.ts SITE EVENT PASSWORD`.
import { openKeySite } from './device-keys-world.ts'
import { drive, type Site } from './engine-world.ts'

const [site = '', event = '', password = ''] = process.argv.slice(2)
const open = openKeySite(JSON.parse(site) as Site, password)
const { store, engine, clock } = open
store.engineTurn.take(clock.now())
const over = () => store.events.get(Number(event)).open === 0
await drive(open, over)
await engine.context.sessions.end()
store.close()
