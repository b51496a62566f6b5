/** How the server's part of a key exchange looks up to TLS 1.2. */
export type KeyExchange = 'rsa' | 'rsa-export' | 'dhe' | 'dhe-export' | 'ecdhe' | 'anonymous' | 'psk'

/** Cipher suites by key exchange (IANA numbers); RSA authenticates those that authenticate. */
const suites: Readonly<Record<KeyExchange, readonly number[]>> = {
  rsa: [0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x000a, 0x0009, 0x0005, 0x0004, 0x0002, 0x0001],
  'rsa-export': [0x0003, 0x0006, 0x0008],
  dhe: [0x009e, 0x009f, 0x0067, 0x006b, 0x0033, 0x0039, 0x0016, 0x0015],
  'dhe-export': [0x0014],
  ecdhe: [0xc02f, 0xc030, 0xcca8, 0xc027, 0xc028, 0xc013, 0xc014, 0xc012, 0xc011],
  anonymous: [0x00a6, 0x006c, 0x0034, 0x003a, 0x001b, 0x0018],
  psk: [0x00a8, 0x00ae, 0x008c, 0x008d]
}

/** Suites that an ordinary old server with an RSA key speaks, its favourites first. */
export const usualSuites: readonly number[] = [
  ...suites.rsa.slice(0, 7),
  ...suites.ecdhe.slice(0, 7),
  ...suites.dhe.slice(0, 7)
]

/** The key exchange of a suite; of one that is not in the table, plain RSA. */
export function keyExchangeOf(suite: number): KeyExchange {
  const found = Object.entries(suites).find(([, list]) => list.includes(suite))
  return (found?.[0] ?? 'rsa') as KeyExchange
}

/** Suites with AEAD or SHA-256, which exist since TLS 1.2 (RFC 5246, RFC 5288). */
const sinceTls12: ReadonlySet<number> = new Set([
  0x009c, 0x009d, 0x003c, 0x003d, 0x009e, 0x009f, 0x0067, 0x006b, 0x00a6, 0x006c, 0x00a8, 0x00ae, 0xc02f,
  0xc030, 0xcca8, 0xc027, 0xc028
])

/** May the suite be chosen at this version? Elliptic curves came with TLS 1.0. */
export function suitsVersion(suite: number, version: number): boolean {
  if (version >= 0x0303) return true
  return !sinceTls12.has(suite) && (version > 0x0300 || keyExchangeOf(suite) !== 'ecdhe')
}

/** Names of the suites that peers here choose on purpose. */
export const suite = {
  rsaWithRc4Sha: 0x0005,
  rsaWith3Des: 0x000a,
  rsaWithAes128: 0x002f,
  rsaExportWithRc40: 0x0003,
  dheExportWithDes40: 0x0014,
  dheWithAes128: 0x0033,
  ecdheWithAes128Gcm: 0xc02f,
  anonymousWithAes128: 0x0034,
  pskWithAes128: 0x008c,
  aes128GcmSha256: 0x1301,
  aes256GcmSha384: 0x1302,
  chacha20Sha256: 0x1303
} as const

/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 §3.3). */
export const renegotiationSignal = 0x00ff
