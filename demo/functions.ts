import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStandalone, type Standalone } from '../appliance/standalone/open.ts'
import { authoritiesName } from '../appliance/trust-roots.ts'
import { silentLog } from '../core/log.ts'
import type { Certificate } from '../test/peers/certificates.ts'

/** The functions of the CLI on an inventory of their own below a folder; `root` is an authority that is trusted. */
export function openFunctions(root: Certificate, folder: string): Standalone {
  const where = { state: join(folder, 'state'), config: join(folder, 'config') }
  mkdirSync(where.config, { mode: 0o700 })
  writeFileSync(join(where.config, authoritiesName), root.pem)
  return openStandalone({
    where,
    authorities: [],
    tell() {},
    log: silentLog,
    askPassphrase: async () => null,
    credentialsDirectory: undefined,
    command: 'tlsward demo'
  })
}
