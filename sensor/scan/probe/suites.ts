import { registeredSuites } from './registry.ts'

/** How a cipher suite authenticates the server: by which key, or by none. */
export type SuiteAuth = 'RSA' | 'ECDSA' | 'DSS' | 'any'

/** One cipher suite of the IANA registry. */
export interface Suite {
  readonly id: number
  readonly auth: SuiteAuth
  readonly kx: 'TLS1.3' | 'ECDHE' | 'DHE' | 'RSA' | 'ECDH' | 'RSA-EXPORT' | 'DHE-EXPORT'
  readonly bits: number
}

// beside each its registered name, without the TLS_ before it
const table: readonly (readonly [id: number, auth: SuiteAuth, kx: Suite['kx'], bits: number])[] = [
  [0x1303, 'any', 'TLS1.3', 256], // CHACHA20_POLY1305_SHA256
  [0x1301, 'any', 'TLS1.3', 128], // AES_128_GCM_SHA256
  [0x1302, 'any', 'TLS1.3', 256], // AES_256_GCM_SHA384
  [0xc02b, 'ECDSA', 'ECDHE', 128], // ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
  [0xc02f, 'RSA', 'ECDHE', 128], // ECDHE_RSA_WITH_AES_128_GCM_SHA256
  [0xc02c, 'ECDSA', 'ECDHE', 256], // ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
  [0xc030, 'RSA', 'ECDHE', 256], // ECDHE_RSA_WITH_AES_256_GCM_SHA384
  [0xcca9, 'ECDSA', 'ECDHE', 256], // ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
  [0xcca8, 'RSA', 'ECDHE', 256], // ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
  [0xc0ad, 'ECDSA', 'ECDHE', 256], // ECDHE_ECDSA_WITH_AES_256_CCM
  [0xc0ac, 'ECDSA', 'ECDHE', 128], // ECDHE_ECDSA_WITH_AES_128_CCM
  [0xc023, 'ECDSA', 'ECDHE', 128], // ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
  [0xc027, 'RSA', 'ECDHE', 128], // ECDHE_RSA_WITH_AES_128_CBC_SHA256
  [0xc024, 'ECDSA', 'ECDHE', 256], // ECDHE_ECDSA_WITH_AES_256_CBC_SHA384
  [0xc028, 'RSA', 'ECDHE', 256], // ECDHE_RSA_WITH_AES_256_CBC_SHA384
  [0xc009, 'ECDSA', 'ECDHE', 128], // ECDHE_ECDSA_WITH_AES_128_CBC_SHA
  [0xc013, 'RSA', 'ECDHE', 128], // ECDHE_RSA_WITH_AES_128_CBC_SHA
  [0xc00a, 'ECDSA', 'ECDHE', 256], // ECDHE_ECDSA_WITH_AES_256_CBC_SHA
  [0xc014, 'RSA', 'ECDHE', 256], // ECDHE_RSA_WITH_AES_256_CBC_SHA
  [0x009e, 'RSA', 'DHE', 128], // DHE_RSA_WITH_AES_128_GCM_SHA256
  [0x009f, 'RSA', 'DHE', 256], // DHE_RSA_WITH_AES_256_GCM_SHA384
  [0xccaa, 'RSA', 'DHE', 256], // DHE_RSA_WITH_CHACHA20_POLY1305_SHA256
  [0x0067, 'RSA', 'DHE', 128], // DHE_RSA_WITH_AES_128_CBC_SHA256
  [0x006b, 'RSA', 'DHE', 256], // DHE_RSA_WITH_AES_256_CBC_SHA256
  [0x0033, 'RSA', 'DHE', 128], // DHE_RSA_WITH_AES_128_CBC_SHA
  [0x0039, 'RSA', 'DHE', 256], // DHE_RSA_WITH_AES_256_CBC_SHA
  [0x0045, 'RSA', 'DHE', 128], // DHE_RSA_WITH_CAMELLIA_128_CBC_SHA
  [0x0088, 'RSA', 'DHE', 256], // DHE_RSA_WITH_CAMELLIA_256_CBC_SHA
  [0x0032, 'DSS', 'DHE', 128], // DHE_DSS_WITH_AES_128_CBC_SHA
  [0x0038, 'DSS', 'DHE', 256], // DHE_DSS_WITH_AES_256_CBC_SHA
  [0x009c, 'RSA', 'RSA', 128], // RSA_WITH_AES_128_GCM_SHA256
  [0x009d, 'RSA', 'RSA', 256], // RSA_WITH_AES_256_GCM_SHA384
  [0xc09c, 'RSA', 'RSA', 128], // RSA_WITH_AES_128_CCM
  [0xc09d, 'RSA', 'RSA', 256], // RSA_WITH_AES_256_CCM
  [0x003c, 'RSA', 'RSA', 128], // RSA_WITH_AES_128_CBC_SHA256
  [0x003d, 'RSA', 'RSA', 256], // RSA_WITH_AES_256_CBC_SHA256
  [0x002f, 'RSA', 'RSA', 128], // RSA_WITH_AES_128_CBC_SHA
  [0x0035, 'RSA', 'RSA', 256], // RSA_WITH_AES_256_CBC_SHA
  [0x0041, 'RSA', 'RSA', 128], // RSA_WITH_CAMELLIA_128_CBC_SHA
  [0x0084, 'RSA', 'RSA', 256], // RSA_WITH_CAMELLIA_256_CBC_SHA
  [0x0096, 'RSA', 'RSA', 128], // RSA_WITH_SEED_CBC_SHA
  [0x0007, 'RSA', 'RSA', 128], // RSA_WITH_IDEA_CBC_SHA
  [0xc008, 'ECDSA', 'ECDHE', 112], // ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA
  [0xc012, 'RSA', 'ECDHE', 112], // ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
  [0x0016, 'RSA', 'DHE', 112], // DHE_RSA_WITH_3DES_EDE_CBC_SHA
  [0x0013, 'DSS', 'DHE', 112], // DHE_DSS_WITH_3DES_EDE_CBC_SHA
  [0x000a, 'RSA', 'RSA', 112], // RSA_WITH_3DES_EDE_CBC_SHA
  [0xc007, 'ECDSA', 'ECDHE', 128], // ECDHE_ECDSA_WITH_RC4_128_SHA
  [0xc011, 'RSA', 'ECDHE', 128], // ECDHE_RSA_WITH_RC4_128_SHA
  [0x0005, 'RSA', 'RSA', 128], // RSA_WITH_RC4_128_SHA
  [0x0004, 'RSA', 'RSA', 128], // RSA_WITH_RC4_128_MD5
  [0x0015, 'RSA', 'DHE', 56], // DHE_RSA_WITH_DES_CBC_SHA
  [0x0009, 'RSA', 'RSA', 56], // RSA_WITH_DES_CBC_SHA
  [0x0014, 'RSA', 'DHE-EXPORT', 40], // DHE_RSA_EXPORT_WITH_DES40_CBC_SHA
  [0x0008, 'RSA', 'RSA-EXPORT', 40], // RSA_EXPORT_WITH_DES40_CBC_SHA
  [0x0006, 'RSA', 'RSA-EXPORT', 40], // RSA_EXPORT_WITH_RC2_CBC_40_MD5
  [0x0003, 'RSA', 'RSA-EXPORT', 40] // RSA_EXPORT_WITH_RC4_40_MD5
]

/**
 * The cipher suites that a hello offers, strongest key agreement first (IANA TLS Cipher Suites registry). Suites
 * that authenticate no server are never offered.
 */
export const suites: readonly Suite[] = table.map(([id, auth, kx, bits]) => ({ id, auth, kx, bits }))

/** The name of a suite in the registry of IANA, else its number in hex. */
export function suiteName(id: number): string {
  return registeredSuites.get(id) ?? `0x${id.toString(16).padStart(4, '0')}`
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
