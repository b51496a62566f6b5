// Takes an event to its end in a process of its own, which kills itself at a moment: node killed-replacement-child.ts TASK
import { drive, isOver } from './engine-world.ts'
import { meddler, openHostedSite, type ReplacementTask } from './hosted-engine-world.ts'

const { site, event, dies, meddled } = JSON.parse(process.argv[2] ?? '') as ReplacementTask
const meddle = meddled === null ? () => {} : meddler(meddled)
const open = openHostedSite(site, (moment) => {
  meddle(moment)
  if (moment === dies) process.kill(process.pid, 'SIGKILL')
})
open.store.engineTurn.take(open.clock.now())
await drive(open, () => isOver(open.store.events.get(event)))
await open.close()
