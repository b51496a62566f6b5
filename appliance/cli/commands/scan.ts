import { Command, Option } from 'commander'
import { Fault } from '../../../core/fault.ts'
import type { PaceRequest, ProbeRequest, ScanRequest, ScanWatch, Scope } from '../../functions.ts'
import type { Endpoint, Scan, Severity } from '../../records.ts'
import { ask } from '../ask.ts'
import { readFound } from '../found.ts'
import { commaList, readText, repeated, span, wholeNumber } from '../options.ts'
import { linePrinter, printTable, withOutput } from '../output.ts'
import { scopeText, showProgress } from '../progress.ts'
import type { OutputOptions, Run, Session } from '../session.ts'
import { endpointView } from '../views/endpoints.ts'
import { scanLine } from '../views/scans.ts'
import { counted, figure } from '../words.ts'

const examples = `
Examples:
  tlsward scan 10.0.0.0/16                              the default ports of a network
  tlsward scan www.example.com 10.1.2.3:8443            a name with all its addresses, and one endpoint
  tlsward scan -l hosts.txt -p web,8000-8100 --json     a list, as JSON lines
  nmap -oX - -p 443 10.0.0.0/24 | tlsward scan --from nmap -
  tlsward scan 10.0.0.0/8 --rate 500 --window 'Mon-Fri 22:00-06:00 Europe/Berlin' --yes
  tlsward scan --resume 12                              go on where scan 12 stopped`

/** Options of `scan` as commander gives them. */
interface ScanOptions extends OutputOptions {
  readonly host?: readonly string[]
  readonly list?: readonly string[]
  readonly ports?: readonly string[]
  readonly from?: string
  readonly names?: string
  readonly sni?: readonly string[]
  readonly ptr?: boolean
  readonly exclude?: readonly string[]
  readonly excludeFile?: readonly string[]
  readonly doNotScan?: readonly string[]
  readonly maxTargets: number
  readonly yes?: boolean
  readonly starttls?: ProbeRequest['starttls']
  readonly twin: boolean
  readonly timeout?: number
  readonly retries?: number
  readonly rate?: number
  readonly hostRate?: number
  readonly concurrency?: number
  readonly perHost?: number
  readonly perSubnet?: number
  readonly window?: string
  readonly workers: number
  readonly resume?: number
  readonly owner?: string
  readonly tag?: readonly string[]
  readonly failOn?: Exclude<Severity, 'note'>
}
