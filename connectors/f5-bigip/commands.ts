import type { Client } from './client.ts'
import { anyReply } from './replies.ts'

/** Saves the whole configuration, other people's edits too: the device knows no other way. */
export async function save(client: Client, signal: AbortSignal): Promise<void> {
  await client.call(
    {
      method: 'POST',
      path: '/tm/sys/config',
      what: 'save its configuration',
      body: { command: 'save' },
      timeoutMs: 90_000
    },
    anyReply,
    signal
  )
}

/** Tells the unit to bring its group to its own state; it answers at once, and the group follows. */
export async function pushTo(client: Client, group: string, signal: AbortSignal): Promise<void> {
  await client.call(
    {
      method: 'POST',
      path: '/tm/cm',
      what: `synchronise to the group ${group}`,
      body: { command: 'run', utilCmdArgs: `config-sync to-group ${group}` }
    },
    anyReply,
    signal
  )
}
