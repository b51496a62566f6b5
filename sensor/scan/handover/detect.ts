import { csvSeparator } from './csv.ts'

/** The formats that can be handed over, by the word of `--from`. */
export const handoverFormats = {
  nmap: 'nmap XML (-oX), masscan XML (-oX)',
  masscan: 'masscan JSON (-oJ) or ndjson (-oD)',
  'masscan-list': 'masscan list (-oL)',
  tlsx: 'tlsx ndjson (-json)',
  zgrab2: 'zgrab2 ndjson',
  tlsward: 'JSON lines of tlsward inventory, scan or diff (--json)',
  csv: 'table with a header: address (or ip, host), port, name (or sni), owner, tags'
} as const

/** A word of {@link handoverFormats}. */
export type HandoverFormat = keyof typeof handoverFormats

/** How many bytes {@link detectFormat} wants to see, where the file has as many. */
export const detectionBytes = 4096

/** The format of a file by its first bytes, or undefined. */
export function detectFormat(head: Uint8Array): HandoverFormat | undefined {
  const text = new TextDecoder('utf-8').decode(head).trimStart()
  if (text.startsWith('<')) return 'nmap'
  if (text.startsWith('[') || text.startsWith('{')) return detectJson(text)
  if (text.startsWith('#masscan') || /^(open|closed|banner) (tcp|udp|sctp) \d/.test(text))
    return 'masscan-list'
  return csvSeparator(text.split(/\r?\n/, 1)[0] ?? '') === undefined ? undefined : 'csv'
}

// each tool writes these keys before any value that a server could have chosen
function detectJson(text: string): HandoverFormat | undefined {
  if (/^\{"type":"[a-z]+","schema":/.test(text)) return 'tlsward'
  if (/"ports"\s*:\s*\[|"rec_type"\s*:|^\[\s*(\]|$)|^\[?\s*\{\s*"?finished/.test(text)) return 'masscan'
  if (/^\[?\s*\{[^{}]*"data"\s*:\s*\{/.test(text)) return 'zgrab2'
  if (/^\[?\s*\{[^{}]*"host"\s*:/.test(text)) return 'tlsx'
  return undefined
}
