import { existsSync } from 'node:fs'
import { jsonLine } from '../../../core/text.ts'
import { certificateOfFile } from '../../certificate-record.ts'
import type { Certificate } from '../../records.ts'
import { readBytes } from '../files.ts'
import type { OutputOptions, Session } from '../session.ts'
import { certificateLines } from '../views/certificate.ts'

/** Options of `certificate show` as commander gives them. */
export interface ShowOptions extends OutputOptions {
  readonly pem?: boolean
}

/** Prints a certificate, or those of an endpoint. */
export async function showCertificate(session: Session, which: string, options: ShowOptions): Promise<void> {
  const { screen, clock } = session
  for (const [at, certificate] of (await find(session, which)).entries()) {
    if (options.json) screen.result(jsonLine(certificate))
    else if (options.pem) screen.result(certificate.pem.trimEnd())
    else {
      if (at > 0) screen.result('')
      for (const line of certificateLines(screen, certificate, clock.now())) screen.result(line)
    }
  }
}

/** A file wins over a fingerprint or an endpoint: nobody names a file like one by accident. */
async function find(session: Session, which: string): Promise<readonly Certificate[]> {
  if (which === '-' || existsSync(which)) return [certificateOfFile(readBytes('certificate', which))]
  const functions = await session.functions()
  return functions.certificates(which)
}
