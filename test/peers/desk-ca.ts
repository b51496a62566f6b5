import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificate, pemOf } from './certificates.ts'
import { run } from './process.ts'

/** How a CSR is signed. */
export interface DeskOptions {
  readonly authority: Certificate
  /** an existing folder for its files */
  readonly folder: string
}

/** Signs a CSR as a person at a CA does it with openssl. Gives the path of a PEM with the leaf and its issuer. */
export async function signAtDesk(csr: string, { authority, folder }: DeskOptions): Promise<string> {
  const [root, key, leaf, chain] = ['desk.pem', 'desk.key', 'desk-leaf.pem', 'desk-chain.pem'].map((file) =>
    join(folder, file)
  ) as [string, string, string, string]
  writeFileSync(root, pemOf(authority.chain))
  writeFileSync(key, authority.keyPem, { mode: 0o600 })
  const by = ['-CA', root, '-CAkey', key, '-CAcreateserial', '-copy_extensions', 'copyall']
  await run('openssl', ['x509', '-req', '-in', csr, ...by, '-days', '90', '-out', leaf])
  await run('sh', ['-c', 'cat "$1" "$2" > "$3"', 'sh', leaf, root, chain])
  return chain
}

/** Makes a PKCS#12 file of a PEM with key and certificates. */
export async function exportPkcs12(pem: string, file: string, password: string): Promise<void> {
  await run('openssl', ['pkcs12', '-export', '-in', pem, '-out', file, '-passout', `pass:${password}`])
}
