/** Names of key agreement groups (IANA TLS Supported Groups registry, and the Kyber drafts that were deployed). */
const names: ReadonlyMap<number, string> = new Map([
  ...run(1, 'sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1 sect239k1 sect283k1'),
  ...run(10, 'sect283r1 sect409k1 sect409r1 sect571k1 sect571r1 secp160k1 secp160r1 secp160r2 secp192k1'),
  ...run(19, 'secp192r1 secp224k1 secp224r1 secp256k1 secp256r1 secp384r1 secp521r1'),
  ...run(26, 'brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 x25519 x448'),
  ...run(31, 'brainpoolP256r1tls13 brainpoolP384r1tls13 brainpoolP512r1tls13'),
  ...run(34, 'GC256A GC256B GC256C GC256D GC512A GC512B GC512C curveSM2'),
  ...run(256, 'ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192'),
  ...run(0x0200, 'MLKEM512 MLKEM768 MLKEM1024'),
  ...run(0x11eb, 'SecP256r1MLKEM768 X25519MLKEM768 SecP384r1MLKEM1024'),
  ...run(0x6399, 'X25519Kyber768Draft00 SecP256r1Kyber768Draft00')
])

function run(first: number, list: string): [number, string][] {
  return list.split(' ').map((name, at) => [first + at, name])
}

/** The name of a group, or its number in hex. */
export function groupName(id: number): string {
  return names.get(id) ?? `0x${id.toString(16).padStart(4, '0')}`
}

const usual: readonly number[] = [23, 29, 24, 25, 30]

/**
 * Groups that a hello of TLS 1.2 or before names, the usual ones first. None of RFC 7919: naming one would
 * forbid servers to use other finite-field groups (§4).
 */
export const ecdheGroups: readonly number[] = [
  ...usual,
  ...[...names.keys()].filter((id) => id <= 30 && !usual.includes(id))
]

/** Groups that a hello of TLS 1.3 names: those that are for it (RFC 8446 §4.2.7) and what came after. */
export const tls13Groups: readonly number[] = [
  ...usual,
  ...[...names.keys()].filter((id) => id > 30),
  // not for TLS 1.3 by the RFC, but some servers take them
  26,
  27,
  28,
  22
]
