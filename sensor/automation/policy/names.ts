/** Which names a certificate is to have. */
export type NameRule =
  /** those of the certificates that the targets hold now */
  | { readonly rule: 'served' }
  /** these, whatever is held now */
  | { readonly rule: 'exactly'; readonly names: readonly string[] }
  /** these, and those that are held now */
  | { readonly rule: 'served-plus'; readonly names: readonly string[] }

/** The names to ask for, each once, those of the rule first; `served` are those that the targets hold now. */
export function wantedNames(rule: NameRule, served: readonly string[]): string[] {
  if (rule.rule === 'exactly') return unique(rule.names)
  return unique(rule.rule === 'served-plus' ? [...rule.names, ...served] : served)
}

/**
 * Names among `served` that the new certificate may leave out: none, unless a person has given the list himself.
 */
export function mayLose(rule: NameRule, served: readonly string[]): string[] {
  return rule.rule === 'exactly' ? [...served] : []
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}
