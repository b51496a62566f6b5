import type { Store } from '../store/store.ts'

/** The number of the present rules: raised whenever a rule would find something else about what is kept. */
const rulesVersion = 2

/** What everything that is kept was judged by: the rules, and the roots that were trusted. */
const setting = 'judged-by'

/** Stands for a part that was judged by something else than the rest. */
const mixed = 'mixed'

const basisOf = (roots: string) => `rules ${rulesVersion}, roots ${roots}`

/** Was everything that is kept judged by the present rules and by these roots (the id of a trust)? */
export function isJudgedBy(store: Store, roots: string): boolean {
  return store.settings.get(setting) === basisOf(roots)
}

/** Notes that everything is judged by the present rules and these roots. */
export function noteJudged(store: Store, roots: string): void {
  store.settings.set(setting, basisOf(roots))
}

/** Notes that what is kept is judged by this and that, so that it is judged again whatever is asked for next. */
export function noteMixed(store: Store): void {
  store.settings.set(setting, mixed)
}
