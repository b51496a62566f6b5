// Writes by each way of working on files into a small file system, full and then read-only, and prints the codes of
// the faults as JSON. Runs in a mount namespace of its own: node full-disk.ts FOLDER
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { argv, stdout } from 'node:process'
import type { HostFiles } from '../../connectors/shared/files.ts'
import { localFiles } from '../../connectors/shared/local-files.ts'
import { openLocalHost } from '../../connectors/shared/local-host.ts'
import { sftpFiles } from '../../connectors/shared/sftp-files.ts'
import { shellFiles } from '../../connectors/shared/shell-files.ts'
import { openSshHost } from '../../connectors/shared/ssh-host.ts'
import { identifySsh } from '../../connectors/shared/ssh-login.ts'
import { systemClock } from '../../core/clock.ts'
import { asFault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { startTestHost } from '../peers/hosts/host.ts'

const folder = argv[2] ?? ''
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
const signal = new AbortController().signal
const here = openLocalHost(systemClock).with(signal)
const host = await startTestHost({ programs: {} })
const server = {
  address: '127.0.0.1',
  port: host.sshd.port,
  user: 'root',
  by: { way: 'key', key: new Secret(host.sshd.privateKey), passphrase: undefined } as const,
  oldAlgorithms: false
}
const route = { server, jump: undefined }
const pins = await identifySsh(route, { clock: systemClock, pins: [], signal })
const connection = await openSshHost(route, { clock: systemClock, pins, signal })
const ways: Readonly<Record<string, HostFiles | undefined>> = {
  local: localFiles(here),
  shell: shellFiles(here),
  sftp: await sftpFiles(connection, connection.with(signal), { signal })
}

async function said(work: Promise<void> | undefined): Promise<string> {
  try {
    await work
    return 'done'
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    return `${code}: ${message.includes('Read-only') ? 'read-only' : message.includes('no space') ? 'full' : message}`
  }
}

const owned = { mode: 0o600, uid: 0, gid: 0 }
const found: Record<string, readonly string[]> = {}
for (const [way, files] of Object.entries(ways)) {
  const full = await said(files?.write(`${folder}/key`, new Secret('x'.repeat(100_000)), owned))
  await files?.remove(`${folder}/key`)
  found[way] = [full, `${readdirSync(folder).length} left`]
}
execFileSync('mount', ['-o', 'remount,ro', folder])
for (const [way, files] of Object.entries(ways)) {
  const written = await said(files?.write(`${folder}/key`, new Secret('x'), owned))
  const linked = await said(files?.makeLink(`${folder}/link`, 'x'))
  found[way] = [
    ...(found[way] ?? []),
    written,
    linked,
    String((await files?.unwritable([folder]))?.length === 0)
  ]
}
await connection.close()
await host.stop()
stdout.write(JSON.stringify(found))
