/** Is the version (16.1.4) this one or a later one? */
export function isSince(version: string, wanted: string): boolean {
  const [own, other] = [version, wanted].map((text) => text.split('.').map(Number))
  for (const [at, number] of (other ?? []).entries()) {
    const mine = own?.[at] ?? 0
    if (mine !== number) return mine > number
  }
  return true
}
