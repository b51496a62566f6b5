import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCertificateFile } from '../../pki/pem.ts'
import { newKeys } from './pki-forge.ts'
import type { OpenSsl } from './pki-openssl.ts'

const configuration = `
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 7
policy = any
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
[responder]
extendedKeyUsage = OCSPSigning
[req]
distinguished_name = subject
prompt = no
[subject]
CN = overridden
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`

/** A CA run by `openssl ca`, with a good, a revoked and a held certificate. */
export interface Authority {
  readonly issuer: Buffer
  /** the DER of a certificate in the directory */
  readonly der: (name: string) => Buffer
  /** issues a certificate with a section of extensions: server or responder */
  readonly issue: (name: string, extensions: string) => void
}

/** Sets a CA up in the directory of the program; its files are ca.pem, ca.key, index.txt and NAME.pem, NAME.key. */
export function authority(program: OpenSsl, own = newKeys().privateKey): Authority {
  const keep = (name: string, key: KeyObject) => {
    program.write(`${name}.key`, key.export({ type: 'pkcs8', format: 'pem' }))
  }
  const der = (name: string): Buffer => {
    const [first] = readCertificateFile(readFileSync(join(program.directory, `${name}.pem`)))
    return first ?? Buffer.alloc(0)
  }
  const issue = (name: string, extensions: string) => {
    keep(name, newKeys().privateKey)
    openssl(program, `req -new -key ${name}.key -out ${name}.csr -config ca.conf -subj /CN=${name}`)
    openssl(
      program,
      `ca -batch -config ca.conf -notext -in ${name}.csr -out ${name}.pem -extensions ${extensions}`
    )
  }
  program.write('ca.conf', configuration)
  program.write('index.txt', '')
  program.write('index.txt.attr', 'unique_subject = no\n')
  program.write('serial', '7FFF01\n')
  program.write('crlnumber', '01\n')
  keep('ca', own)
  const root = '-config ca.conf -extensions authority -subj /O=Test/CN=authority'
  openssl(program, `req -x509 -new -key ca.key -out ca.pem -days 60 ${root}`)
  for (const name of ['good', 'revoked', 'held']) issue(name, 'server')
  openssl(program, 'ca -config ca.conf -revoke revoked.pem -crl_reason keyCompromise')
  openssl(program, 'ca -config ca.conf -revoke held.pem -crl_reason certificateHold')
  return { issuer: der('ca'), der, issue }
}

/** Runs a command whose words hold no spaces. */
export function openssl(program: OpenSsl, command: string): Buffer {
  return program.run(...command.split(' '))
}
