import { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import { bytesOf, type Client } from './client.ts'
import { anyReply, commandReply } from './replies.ts'

/** where uploads lie on the device */
export const uploadFolder = '/var/config/rest/downloads'
/** F5's own article allows 1 MiB, modules of theirs use 512 KiB and 7 MiB */
const chunkBytes = 512 * 1024

/** Uploads a file, counted in bytes; one of the same name is replaced. */
export async function upload(
  client: Client,
  { name, content }: { readonly name: string; readonly content: Secret | string },
  signal: AbortSignal
): Promise<void> {
  const bytes = bytesOf(content)
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const part = bytes.subarray(start, start + chunkBytes)
    const range = `${start}-${start + part.length - 1}/${bytes.length}`
    await client.call(
      {
        method: 'POST',
        path: `/shared/file-transfer/uploads/${encodeURIComponent(name)}`,
        what: `take the upload ${name}`,
        chunk: { bytes: part, range }
      },
      anyReply,
      signal
    )
  }
}

/**
 * Does the login have the right to upload? Asked with a chunk whose length is not what its header says: who has the
 * right is told so, and nothing is kept.
 */
export async function mayUpload(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  const outcome = await client.attempt(
    {
      method: 'POST',
      path: `/shared/file-transfer/uploads/${encodeURIComponent(name)}`,
      what: 'take an upload',
      chunk: { bytes: Buffer.from('-'), range: '0-1/2' },
      expects: ({ status, message }) => message !== undefined && status >= 400 && status < 500
    },
    anyReply,
    signal
  )
  return outcome.is === 'done' || outcome.why.status === 400
}

/** Removes an upload; one that is not there is fine. */
export async function removeUpload(client: Client, name: string, signal: AbortSignal): Promise<void> {
  const { commandResult } = await client.call(removing(name), commandReply, signal)
  if (isRemoved(commandResult)) return
  throw new Fault(
    'device-right',
    `${client.name} does not remove the upload ${name}, which holds a key: ${visible(commandResult ?? '', 200)}`
  )
}

// the program says what went wrong, with status 200
function isRemoved(result = ''): boolean {
  return !/cannot remove/i.test(result) || /No such file/i.test(result)
}

/** Does the login have the right to remove uploads? Asked of a file that nobody has. */
export async function mayRemoveUploads(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  const expects = ({ status, message }: { readonly status: number; readonly message: string | undefined }) =>
    message !== undefined && (status === 401 || status === 403)
  const outcome = await client.attempt({ ...removing(name), expects }, commandReply, signal)
  return outcome.is === 'done' && isRemoved(outcome.value.commandResult)
}

function removing(name: string) {
  return {
    method: 'POST',
    path: '/tm/util/unix-rm',
    what: `remove the upload ${name}`,
    body: { command: 'run', utilCmdArgs: `${uploadFolder}/${name}` }
  } as const
}
