import { appendFileSync, existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { readCsr } from '../../pki/csr.ts'
import { issueCertificate, makeCa, newSerial } from '../../pki/private-ca.ts'
import { makePrivateKey, readPrivateKey } from '../../pki/private-key.ts'
import type { SigningCa } from '../../pki/ca-rules.ts'
import type { Issuer, RenewalWindow } from '../../sensor/issuance/issuer.ts'
import { createHash } from 'node:crypto'
import { Fault } from '../../core/fault.ts'

/** What a test wants of its CA. */
export interface FileCaWishes {
  readonly now: () => number
  readonly lifetimeMs: number
}

const day = 86_400_000

/** Makes the keys of a CA in a directory: a root and an intermediate. */
export async function createFileCa(directory: string, now: number): Promise<void> {
  const rootKey = await makePrivateKey('ec-p256')
  const key = await makePrivateKey('ec-p256')
  const validity = { notBefore: now - 400 * day, notAfter: now + 4000 * day }
  const common = { validity, permitted: null, pathLength: null }
  const root = await makeCa({
    ...common,
    subject: { CN: 'Test Root' },
    key: rootKey,
    serial: newSerial(systemRandom),
    issuer: null
  })
  const intermediate = await makeCa({
    ...common,
    subject: { CN: 'Test Issuing' },
    key,
    serial: newSerial(systemRandom),
    issuer: { certificate: root, key: rootKey, above: [] }
  })
  const kept = { root: base64(root), intermediate: base64(intermediate), key: key.pem.reveal() }
  writeFileSync(join(directory, 'ca.json'), JSON.stringify(kept))
}

/** What a CA keeps of a certificate that it has sold: in one file, so that a kill leaves all of it or nothing. */
interface Sale {
  readonly number: number
  readonly line: string
  /** DER in base64, leaf first */
  readonly chain: readonly string[]
}

/** Certificates that a CA has sold, a line each: what was ordered. */
export function purchases(directory: string): string[] {
  const files = readdirSync(directory).filter((name) => /^[0-9a-f]{64}\.json$/.test(name))
  const sales = files.map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Sale)
  return sales.toSorted((a, b) => a.number - b.number).map(({ line }) => line)
}

/** Orders that a CA was told to give up, in the order in which it was told. */
export function abandoned(directory: string): string[] {
  const path = join(directory, 'abandoned')
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
}

/** How the CA behaves, until told otherwise. */
export function setCa(directory: string, mood: CaMood): void {
  writeFileSync(join(directory, 'mood.json'), JSON.stringify(mood))
}

/** `kill-*`: the process that asks dies before or after the certificate is sold. */
export interface CaMood {
  readonly does:
    'issues' | 'is-down' | 'refuses' | 'kill-before' | 'kill-after' | 'pending' | 'ordered' | 'wrong-names'
  readonly window?: Omit<RenewalWindow, 'againAt'>
}

/** An issuer that signs with a CA of files; what it has sold is on disk, so that it survives the process that asks. */
export function openFileCa(directory: string, wishes: FileCaWishes): Issuer {
  const moodFile = join(directory, 'mood.json')
  const mood = (): CaMood =>
    existsSync(moodFile) ? (JSON.parse(readFileSync(moodFile, 'utf8')) as CaMood) : { does: 'issues' }
  return {
    keyFrom: 'request',
    async advance({ csr, names, replaces }, memory) {
      const { does } = mood()
      if (does === 'is-down') throw new Fault('device-unreachable', 'the CA does not answer')
      if (does === 'refuses') throw new Fault('device-refused', 'the CA says no')
      if (does === 'pending')
        return { state: 'pending', againAt: wishes.now() + 60_000, why: 'the CA thinks' }
      const id =
        memory.read() ??
        createHash('sha256')
          .update(csr ?? '')
          .digest('hex')
      memory.write(id)
      if (does === 'ordered')
        return { state: 'pending', againAt: wishes.now() + 60_000, why: 'the CA validates' }
      if (does === 'kill-before') await dies(directory)
      const path = join(directory, `${id}.json`)
      if (!existsSync(path)) {
        const chain = await sign(directory, csr ?? new Uint8Array(), wishes)
        const line = `${names.join()} replaces ${replaces ? 'one' : 'none'}`
        const sale: Sale = { number: purchases(directory).length, line, chain }
        writeFileSync(`${path}.part`, JSON.stringify(sale))
        renameSync(`${path}.part`, path)
      }
      if (does === 'kill-after') await dies(directory)
      const { chain } = JSON.parse(readFileSync(path, 'utf8')) as Sale
      return { state: 'issued', chain: chain.map((one) => Buffer.from(one, 'base64')), key: null }
    },
    async abandon(memory) {
      const { does } = mood()
      if (does === 'is-down') throw new Fault('device-unreachable', 'the CA does not answer')
      if (does === 'kill-before') await dies(directory)
      const id = memory.read() ?? ''
      if (existsSync(join(directory, `${id}.json`))) return { state: 'kept' }
      appendFileSync(join(directory, 'abandoned'), `${id}\n`)
      if (does === 'kill-after') await dies(directory)
      return { state: 'abandoned' }
    },
    renewalWindow: () => {
      const { window } = mood()
      return Promise.resolve(window ? { ...window, againAt: wishes.now() + day / 4 } : null)
    },
    revoke: () => Promise.resolve(),
    check: () => Promise.resolve({ name: 'test CA', facts: {}, profiles: {}, problems: [], warnings: [] })
  }
}

function dies(directory: string): Promise<never> {
  setCa(directory, { does: 'issues' })
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

async function sign(
  directory: string,
  csr: Uint8Array,
  { now, lifetimeMs }: FileCaWishes
): Promise<string[]> {
  const { intermediate, key } = JSON.parse(readFileSync(join(directory, 'ca.json'), 'utf8')) as {
    intermediate: string
    key: string
  }
  const issuer: SigningCa = {
    certificate: Buffer.from(intermediate, 'base64'),
    key: readPrivateKey(new Secret(key)),
    above: []
  }
  const at = Math.floor(now() / 1000) * 1000
  const leaf = await issueCertificate({
    issuer,
    csr: readCsr(csr),
    serial: newSerial(systemRandom),
    validity: { notBefore: at - 60_000, notAfter: at + lifetimeMs }
  })
  return [base64(leaf), intermediate]
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
