import { Fault } from '../../core/fault.ts'
import { type Csr, readCsr } from '../../pki/csr.ts'
import { canonicalNames } from '../../pki/subject-names.ts'
import type { CertificateRequest } from './issuer.ts'

/**
 * The CSR of a request, which must ask for the same names as the request. Faults: csr-malformed, name-malformed,
 * request-inconsistent.
 */
export function csrOf({ csr: der, names }: CertificateRequest): Csr {
  if (der === null) throw inconsistent('it has no CSR')
  const csr = readCsr(der)
  const asked = new Set(canonicalNames(names))
  const carried = new Set(canonicalNames([...csr.dnsNames, ...csr.ipAddresses]))
  const missing = [...asked].filter((name) => !carried.has(name))
  const extra = [...carried].filter((name) => !asked.has(name))
  if (missing.length > 0) throw inconsistent(`its CSR lacks ${missing.join(', ')}`)
  if (extra.length > 0) throw inconsistent(`its CSR asks for ${extra.join(', ')} too`)
  return csr
}

function inconsistent(problem: string): Fault {
  return new Fault('request-inconsistent', `The request for a certificate is inconsistent: ${problem}.`, {
    problem
  })
}
