import type { Client } from './client.ts'
import { inUrl } from './full-path.ts'
import { type Entry, entryBody } from './profiles.ts'
import { anyReply } from './replies.ts'

/**
 * Replaces the list of pairs of a profile: one request, which the device does at one moment or not at all. A transaction
 * would be needed for several objects, or for the content of files.
 */
export async function bindPairs(
  client: Client,
  { profile, entries }: { readonly profile: string; readonly entries: readonly Entry[] },
  signal: AbortSignal
): Promise<void> {
  await client.call(
    {
      method: 'PATCH',
      path: `/tm/ltm/profile/client-ssl/${inUrl(profile)}`,
      what: `bind certificates to ${profile}`,
      body: { certKeyChain: entries.map((entry) => entryBody(entry, client.keyPassphrase)) },
      timeoutMs: 60_000
    },
    anyReply,
    signal
  )
}
