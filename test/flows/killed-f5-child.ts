// Takes an event to its end in a process of its own, which kills itself at a moment: node killed-f5-child.ts TASK
import { drive, isOver } from './engine-world.ts'
import { type F5Task, openF5Site } from './f5-engine-world.ts'

const { site, event, dies } = JSON.parse(process.argv[2] ?? '') as F5Task
const open = openF5Site(site, (moment) => {
  if (moment === dies) process.kill(process.pid, 'SIGKILL')
})
open.store.engineTurn.take(open.clock.now())
await drive(open, () => isOver(open.store.events.get(event)))
await open.close()
