import { registeredSuites } from './registry.ts'

/** How a cipher suite authenticates the server: by which key, or by none. */
export type SuiteAuth = 'RSA' | 'ECDSA' | 'DSS' | 'any'

/** One cipher suite of the IANA registry. */
export interface Suite {
  readonly id: number
  /** OpenSSL's name where it has one, else the registry's */
  readonly name: string
  readonly auth: SuiteAuth
  readonly kx: 'TLS1.3' | 'ECDHE' | 'DHE' | 'RSA' | 'ECDH' | 'RSA-EXPORT' | 'DHE-EXPORT'
  readonly bits: number
}

const table: readonly (readonly [number, string, SuiteAuth, Suite['kx'], number])[] = [
  [0x1303, 'TLS_CHACHA20_POLY1305_SHA256', 'any', 'TLS1.3', 256],
  [0x1301, 'TLS_AES_128_GCM_SHA256', 'any', 'TLS1.3', 128],
  [0x1302, 'TLS_AES_256_GCM_SHA384', 'any', 'TLS1.3', 256],
  [0xc02b, 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDSA', 'ECDHE', 128],
  [0xc02f, 'ECDHE-RSA-AES128-GCM-SHA256', 'RSA', 'ECDHE', 128],
  [0xc02c, 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDSA', 'ECDHE', 256],
  [0xc030, 'ECDHE-RSA-AES256-GCM-SHA384', 'RSA', 'ECDHE', 256],
  [0xcca9, 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDSA', 'ECDHE', 256],
  [0xcca8, 'ECDHE-RSA-CHACHA20-POLY1305', 'RSA', 'ECDHE', 256],
  [0xc0ad, 'ECDHE-ECDSA-AES256-CCM', 'ECDSA', 'ECDHE', 256],
  [0xc0ac, 'ECDHE-ECDSA-AES128-CCM', 'ECDSA', 'ECDHE', 128],
  [0xc023, 'ECDHE-ECDSA-AES128-SHA256', 'ECDSA', 'ECDHE', 128],
  [0xc027, 'ECDHE-RSA-AES128-SHA256', 'RSA', 'ECDHE', 128],
  [0xc024, 'ECDHE-ECDSA-AES256-SHA384', 'ECDSA', 'ECDHE', 256],
  [0xc028, 'ECDHE-RSA-AES256-SHA384', 'RSA', 'ECDHE', 256],
  [0xc009, 'ECDHE-ECDSA-AES128-SHA', 'ECDSA', 'ECDHE', 128],
  [0xc013, 'ECDHE-RSA-AES128-SHA', 'RSA', 'ECDHE', 128],
  [0xc00a, 'ECDHE-ECDSA-AES256-SHA', 'ECDSA', 'ECDHE', 256],
  [0xc014, 'ECDHE-RSA-AES256-SHA', 'RSA', 'ECDHE', 256],
  [0x009e, 'DHE-RSA-AES128-GCM-SHA256', 'RSA', 'DHE', 128],
  [0x009f, 'DHE-RSA-AES256-GCM-SHA384', 'RSA', 'DHE', 256],
  [0xccaa, 'DHE-RSA-CHACHA20-POLY1305', 'RSA', 'DHE', 256],
  [0x0067, 'DHE-RSA-AES128-SHA256', 'RSA', 'DHE', 128],
  [0x006b, 'DHE-RSA-AES256-SHA256', 'RSA', 'DHE', 256],
  [0x0033, 'DHE-RSA-AES128-SHA', 'RSA', 'DHE', 128],
  [0x0039, 'DHE-RSA-AES256-SHA', 'RSA', 'DHE', 256],
  [0x0045, 'DHE-RSA-CAMELLIA128-SHA', 'RSA', 'DHE', 128],
  [0x0088, 'DHE-RSA-CAMELLIA256-SHA', 'RSA', 'DHE', 256],
  [0x0032, 'DHE-DSS-AES128-SHA', 'DSS', 'DHE', 128],
  [0x0038, 'DHE-DSS-AES256-SHA', 'DSS', 'DHE', 256],
  [0x009c, 'AES128-GCM-SHA256', 'RSA', 'RSA', 128],
  [0x009d, 'AES256-GCM-SHA384', 'RSA', 'RSA', 256],
  [0xc09c, 'AES128-CCM', 'RSA', 'RSA', 128],
  [0xc09d, 'AES256-CCM', 'RSA', 'RSA', 256],
  [0x003c, 'AES128-SHA256', 'RSA', 'RSA', 128],
  [0x003d, 'AES256-SHA256', 'RSA', 'RSA', 256],
  [0x002f, 'AES128-SHA', 'RSA', 'RSA', 128],
  [0x0035, 'AES256-SHA', 'RSA', 'RSA', 256],
  [0x0041, 'CAMELLIA128-SHA', 'RSA', 'RSA', 128],
  [0x0084, 'CAMELLIA256-SHA', 'RSA', 'RSA', 256],
  [0x0096, 'SEED-SHA', 'RSA', 'RSA', 128],
  [0x0007, 'IDEA-CBC-SHA', 'RSA', 'RSA', 128],
  [0xc008, 'ECDHE-ECDSA-DES-CBC3-SHA', 'ECDSA', 'ECDHE', 112],
  [0xc012, 'ECDHE-RSA-DES-CBC3-SHA', 'RSA', 'ECDHE', 112],
  [0x0016, 'DHE-RSA-DES-CBC3-SHA', 'RSA', 'DHE', 112],
  [0x0013, 'DHE-DSS-DES-CBC3-SHA', 'DSS', 'DHE', 112],
  [0x000a, 'DES-CBC3-SHA', 'RSA', 'RSA', 112],
  [0xc007, 'ECDHE-ECDSA-RC4-SHA', 'ECDSA', 'ECDHE', 128],
  [0xc011, 'ECDHE-RSA-RC4-SHA', 'RSA', 'ECDHE', 128],
  [0x0005, 'RC4-SHA', 'RSA', 'RSA', 128],
  [0x0004, 'RC4-MD5', 'RSA', 'RSA', 128],
  [0x0015, 'DHE-RSA-DES-CBC-SHA', 'RSA', 'DHE', 56],
  [0x0009, 'DES-CBC-SHA', 'RSA', 'RSA', 56],
  [0x0014, 'EXP-DHE-RSA-DES-CBC-SHA', 'RSA', 'DHE-EXPORT', 40],
  [0x0008, 'EXP-DES-CBC-SHA', 'RSA', 'RSA-EXPORT', 40],
  [0x0006, 'EXP-RC2-CBC-MD5', 'RSA', 'RSA-EXPORT', 40],
  [0x0003, 'EXP-RC4-MD5', 'RSA', 'RSA-EXPORT', 40]
]

/**
 * The cipher suites that the product knows, strongest key agreement first: what a hello offers and what a
 * report names (IANA TLS Cipher Suites registry). Suites that authenticate no server are never offered.
 */
export const suites: readonly Suite[] = table.map(([id, name, auth, kx, bits]) => ({
  id,
  name,
  auth,
  kx,
  bits
}))

const byId = new Map(suites.map((suite) => [suite.id, suite]))

/** The suite of an IANA number, or undefined for one that is not in the table. */
export function suiteOf(id: number): Suite | undefined {
  return byId.get(id)
}

/** The name of a suite: OpenSSL's where it is in the table, else the registry's, else its number in hex. */
export function suiteName(id: number): string {
  return byId.get(id)?.name ?? registeredSuites.get(id) ?? `0x${id.toString(16).padStart(4, '0')}`
}

/** The name of a protocol version on the wire. */
export function versionName(version: number): string {
  return versionNames[version] ?? `0x${version.toString(16).padStart(4, '0')}`
}

const versionNames: Readonly<Record<number, string>> = {
  0x0002: 'SSL 2.0',
  0x0300: 'SSL 3.0',
  0x0301: 'TLS 1.0',
  0x0302: 'TLS 1.1',
  0x0303: 'TLS 1.2',
  0x0304: 'TLS 1.3'
}

/** Groups of key agreement (IANA TLS Supported Groups registry). */
export const groups = { p256: 23, p384: 24, p521: 25, x25519: 29, x448: 30 } as const
