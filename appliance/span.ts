const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000
}

/** A span of time as people write it, `500ms`, `3s`, `30d`; a bare number counts in `unit`. Milliseconds; null: it is none. */
export function spanOf(text: string, unit: 's' | 'd'): number | null {
  const parts = /^(?<count>\d{1,9}(?:\.\d{1,3})?)\s*(?<unit>ms|s|m|min|h|d|w)?$/.exec(text)?.groups
  const ms = parts ? Number(parts['count']) * (units[parts['unit'] ?? unit] ?? 0) : 0
  return ms > 0 ? ms : null
}
