import type { Client } from './client.ts'
import { isInUse, isMissing, isThere } from './faults.ts'
import { inUrl, partsOf } from './full-path.ts'
import { anyReply } from './replies.ts'
import { uploadFolder } from './uploads.ts'

/** A certificate or a key as a file object. */
export interface FileObject {
  readonly kind: 'ssl-cert' | 'ssl-key'
  readonly fullPath: string
}

/** Makes a file object from an upload; one of this name that is there already stays as it is. */
export async function createObject(
  client: Client,
  { kind, fullPath }: FileObject,
  { uploaded, signal }: { readonly uploaded: string; readonly signal: AbortSignal }
): Promise<'created' | 'there'> {
  const { partition, name } = partsOf(fullPath)
  const outcome = await client.attempt(
    {
      method: 'POST',
      path: `/tm/sys/file/${kind}`,
      what: `create ${fullPath}`,
      body: { name, partition, sourcePath: `file:${uploadFolder}/${uploaded}` },
      expects: isThere
    },
    anyReply,
    signal
  )
  return outcome.is === 'done' ? 'created' : 'there'
}

/** Deletes a file object. */
export async function deleteObject(
  client: Client,
  { kind, fullPath }: FileObject,
  signal: AbortSignal
): Promise<'deleted' | 'gone' | 'in use'> {
  const outcome = await client.attempt(
    {
      method: 'DELETE',
      path: `/tm/sys/file/${kind}/${inUrl(fullPath)}`,
      what: `delete ${fullPath}`,
      expects: (why) => isMissing(why) || isInUse(why)
    },
    anyReply,
    signal
  )
  if (outcome.is === 'done') return 'deleted'
  return isInUse(outcome.why) ? 'in use' : 'gone'
}
