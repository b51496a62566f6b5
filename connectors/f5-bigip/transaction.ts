import { Type } from 'typebox'
import { asFault } from '../../core/fault.ts'
import type { Client } from './client.ts'
import { inUrl } from './full-path.ts'
import { type Entry, entryBody } from './profiles.ts'
import { anyReply, transactionReply } from './replies.ts'

/**
 * Replaces the list of pairs of profiles, all of them in one transaction: at one moment, or not at all. Requests in a
 * transaction are only queued; the commit goes without the header that queues.
 */
export async function bindPairs(
  client: Client,
  changes: readonly { readonly profile: string; readonly entries: readonly Entry[] }[],
  signal: AbortSignal
): Promise<void> {
  const { transId } = await client.call(
    { method: 'POST', path: '/tm/transaction', what: 'begin a transaction', body: {} },
    transactionReply,
    signal
  )
  try {
    for (const { profile, entries } of changes) {
      await client.call(
        {
          method: 'PATCH',
          path: `/tm/ltm/profile/client-ssl/${inUrl(profile)}`,
          what: `bind certificates to ${profile}`,
          body: { certKeyChain: entries.map((entry) => entryBody(entry, client.keyPassphrase)) },
          transaction: transId
        },
        anyReply,
        signal
      )
    }
    await commit(client, transId, signal)
  } catch (thrown) {
    // over a cable that is cut nothing can be dropped
    if (asFault(thrown).kind !== 'unreachable' && !signal.aborted) await abandon(client, transId, signal)
    throw thrown
  }
}

async function commit(client: Client, transId: number, signal: AbortSignal): Promise<void> {
  await client.call(
    {
      method: 'PATCH',
      path: `/tm/transaction/${transId}`,
      what: 'commit the transaction',
      body: { state: 'VALIDATING' },
      timeoutMs: 60_000
    },
    Type.Object({ state: Type.Literal('COMPLETED') }),
    signal
  )
}

/** a transaction that failed is best gone at once; the device drops it by itself after two minutes */
async function abandon(client: Client, transId: number, signal: AbortSignal): Promise<void> {
  try {
    const path = `/tm/transaction/${transId}`
    await client.attempt(
      { method: 'DELETE', path, what: 'drop the transaction', expects: () => true },
      anyReply,
      signal
    )
  } catch {
    // what went wrong before is what counts
  }
}
