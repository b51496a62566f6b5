import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { type Csr, readCsr } from '../../pki/csr.ts'
import { readPem } from '../../pki/pem.ts'
import type { KeyType } from '../../pki/private-key.ts'
import { canonicalNames } from '../../pki/subject-names.ts'

/** What a device was asked for. */
export interface AskedRequest {
  readonly keyType: KeyType
  readonly names: readonly string[]
}

/**
 * The request that a device made for a key of its own, PEM: signed by that key, of the type and with the names that
 * were asked for, and with no others. Faults: csr-malformed, device-refused.
 */
export function checkDeviceRequest(pem: string, { keyType, names }: AskedRequest): Csr {
  const blocks = readPem(pem)
  const [block] = blocks
  if (!block || blocks.length > 1 || !/^(NEW )?CERTIFICATE REQUEST$/.test(block.label)) {
    throw wrong('it is no single PKCS#10 request in PEM')
  }
  const csr = readCsr(block.der)
  const made = typeOf(csr)
  if (made !== keyType) throw wrong(`its key is ${made}, and ${keyType} was asked for`)
  const asked = canonicalNames(names)
  const carried = canonicalNames([...csr.dnsNames, ...csr.ipAddresses])
  const missing = asked.filter((name) => !carried.includes(name))
  const extra = carried.filter((name) => !asked.includes(name))
  if (missing.length > 0) throw wrong(`it lacks ${missing.join(', ')}`)
  if (extra.length > 0) throw wrong(`it asks for ${visible(extra.join(', '), 200)} too`)
  if (csr.hasOtherNames) throw wrong('it asks for e-mail addresses or URIs too')
  return csr
}

const curves: Readonly<Record<string, string>> = { 'P-256': 'ec-p256', 'P-384': 'ec-p384' }

function typeOf({ keyType, keyBits, curve }: Csr): string {
  if (keyType === 'RSA') return `rsa-${keyBits}`
  return curves[curve ?? ''] ?? `${keyType} ${curve ?? keyBits}`
}

function wrong(problem: string): Fault {
  return new Fault(
    'device-refused',
    `The certificate request that the device made is not used: ${problem}.`,
    {
      problem
    }
  )
}
