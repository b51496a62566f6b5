import { Fault } from '../core/fault.ts'
import { derOf, dottedOf, type Element, isTag, isType, parseBer, partsOf, tagged } from './ber.ts'
import { readCertificateFile, readPem } from './pem.ts'

const signedDataId = '1.2.840.113549.1.7.2'
/** chains have some 10 kB; a bundle of every public root has 1 MB */
const maxBytes = 2 << 20

/**
 * The certificates of a file as CAs hand them out: PEM, DER, or PKCS#7 (RFC 2315, `.p7b`) of either form, in the order
 * of the file. At least one, or it throws a Fault certificate-malformed that says what is wrong.
 */
export function readCertificates(file: Uint8Array): Buffer[] {
  if (file.length > maxBytes) throw malformed(`it has more than ${maxBytes} bytes`)
  const der = file[0] === 0x30 ? Buffer.from(file) : pkcs7Block(file)
  const found = der && readSignedData(der)
  return found ?? readCertificateFile(file)
}

function pkcs7Block(file: Uint8Array): Buffer | undefined {
  const text = Buffer.from(file).toString('latin1')
  if (!/-----BEGIN (PKCS7|CMS)-----/.test(text)) return undefined
  return readPem(text).find(({ label }) => label === 'PKCS7' || label === 'CMS')?.der
}

/** undefined: it is something else, a certificate most likely */
function readSignedData(der: Buffer): Buffer[] | undefined {
  try {
    const [type, content] = partsOf(parseBer(der), 'ContentInfo')
    if (!isType(type, 'OID') || dottedOf(type, 'contentType') !== signedDataId) return undefined
    const fields = partsOf(tagged(content, 0, 'content'), 'SignedData')
    const set: Element | undefined = fields.find((one) => isTag(one, 0))
    const found = set ? partsOf(set, 'certificates').filter((one) => isType(one, 'SEQUENCE')) : []
    if (found.length > 0) return found.map(derOf)
  } catch {
    return undefined
  }
  throw malformed('the PKCS#7 holds none')
}

function malformed(problem: string): Fault {
  return new Fault(
    'certificate-malformed',
    `The file with certificates cannot be read: ${problem}. Give PEM, DER or PKCS#7.`,
    { problem }
  )
}
