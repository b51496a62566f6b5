/**
 * Text that a peer wrote (names, banners, subjects), made safe to show on a terminal, in a CSV cell or on a
 * page: control characters, bidirectional overrides and lone surrogates become visible escapes, and it is cut
 * at `limit` characters.
 */
export function visible(text: string, limit = 200): string {
  const escaped = text.toWellFormed().replace(unsafe, escape)
  return escaped.length > limit ? escaped.slice(0, limit - 1).toWellFormed() + '…' : escaped
}

// C0, DEL, C1, soft hyphen, zero-width and directional marks, line and paragraph separators, BOM, tags
const unsafeCharacters = String.raw`\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0001}\u{e0020}-\u{e007f}`
const unsafe = new RegExp(`[${unsafeCharacters}]`, 'gu')

/**
 * Text of which {@link visible} leaves every character as it is, as the pattern of a JSON Schema (ECMA-262 with the flag
 * u).
 */
export const visibleText = `^[^${unsafeCharacters}]+$`

function escape(char: string): string {
  const point = char.codePointAt(0) ?? 0
  return point <= 0xff ? `\\x${point.toString(16).padStart(2, '0')}` : `\\u{${point.toString(16)}}`
}

/**
 * A value as one line of JSON that holds nothing which acts on a terminal: what {@link visible} escapes is written
 * as \uXXXX, which readers of JSON take for the same text.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, (char) =>
    char
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
  )
}

/** The first few of many texts: `a, b and 3 more`. */
export function firstOf(texts: readonly string[], most: number): string {
  const more = texts.length - most
  return `${texts.slice(0, most).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/**
 * A CSV cell (RFC 4180), quoted where needed; = + - @ are defused so that no spreadsheet runs them: at the start, and
 * behind what begins a cell for spreadsheets of other countries.
 */
export function csvCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const text = value.replace(/^(?=[=+\-@\t\r])|(?<=[;"\t])(?=[=+\-@])/g, "'")
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
