import { Fault } from '../core/fault.ts'
import { DerReader, tags } from './der.ts'

/** One block of a PEM file (RFC 7468). */
export interface PemBlock {
  /** the words between BEGIN and the dashes, such as CERTIFICATE */
  readonly label: string
  readonly der: Buffer
  /** line of its BEGIN, from 1 */
  readonly line: number
}

const boundary = /^-----(BEGIN|END) ([A-Z0-9 #.]*)-----\s*$/
const base64 = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * The blocks of a PEM text in their order. Text before, between and behind them is passed over, and so are
 * headers inside (RFC 1421 §4.6); lines end in LF, CRLF or CR. Throws a Fault certificate-malformed that names the
 * line and what is wrong with it.
 */
export function readPem(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  let open: { label: string; line: number; body: string } | undefined
  for (const [at, content] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const line = at + 1
    const [, word, label = ''] = boundary.exec(content) ?? []
    if (word === 'BEGIN') {
      if (open) throw wrong(line, `BEGIN ${label} stands inside the ${open.label} of line ${open.line}`)
      open = { label, line, body: '' }
    } else if (word === 'END') {
      if (open?.label !== label) throw wrong(line, `END ${label} ends nothing that began`)
      blocks.push(decode(open))
      open = undefined
    } else if (open && !content.includes(':')) open.body += checked(content.trim(), line, open.label)
  }
  if (open) throw wrong(open.line, `the ${open.label} has no END line`)
  return blocks
}

const certificateLabels: readonly string[] = ['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']

/**
 * The DER of the certificates in a file: one DER certificate, or PEM with any number of them among other blocks
 * (keys are passed over). At least one, or it throws a Fault certificate-malformed that names what is wrong.
 */
export function readCertificateFile(bytes: Uint8Array): Buffer[] {
  if (bytes[0] === 0x30) return [Buffer.from(bytes)]
  const blocks = readPem(Buffer.from(bytes).toString('latin1'))
  const found = blocks.filter(({ label }) => certificateLabels.includes(label))
  if (found.length > 0)
    return found.map(({ label, der }) => (label.startsWith('TRUSTED') ? firstElement(der) : der))
  const seen = blocks.length === 0 ? 'no PEM block' : `only ${blocks.map(({ label }) => label).join(', ')}`
  throw new Fault(
    'certificate-malformed',
    `The file holds ${bytes.length === 0 ? 'nothing' : seen}, and is no DER. Give X.509 certificates, PEM (-----BEGIN CERTIFICATE-----) or DER.`,
    { bytes: bytes.length }
  )
}

/** DER as one PEM block with lines of 64 characters, ending in a line break. */
export function encodePem(der: Uint8Array, label = 'CERTIFICATE'): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

function checked(content: string, line: number, label: string): string {
  if (!base64.test(content)) throw wrong(line, `the ${label} holds something that is no base64`)
  return content
}

function decode({ label, line, body }: { label: string; line: number; body: string }): PemBlock {
  if (body === '') throw wrong(line, `the ${label} is empty`)
  if (body.length % 4 !== 0 || !base64.test(body))
    throw wrong(line, `the base64 of the ${label} is cut short`)
  return { label, line, der: Buffer.from(body, 'base64') }
}

function wrong(line: number, problem: string): Fault {
  return new Fault(
    'certificate-malformed',
    `The PEM is broken at line ${line}: ${problem}. Export the certificate again, or give DER.`,
    { line, problem }
  )
}

/** OpenSSL's TRUSTED CERTIFICATE is the certificate with its trust settings behind it */
function firstElement(der: Buffer): Buffer {
  const reader = new DerReader(der)
  reader.expect(tags.sequence, 'certificate')
  return der.subarray(0, reader.stop)
}
