import type { Session } from '../../connectors/contract.ts'
import type { Clock } from '../../core/clock.ts'

/** A session with what it was signed in by. */
export interface SignedIn {
  readonly session: Session
  /** connector, settings and pins: with others it is not used again */
  readonly by: string
  /** when that was, by `ticks` of the clock */
  readonly at: number
}

/**
 * Sessions of the engine between two of its calls to the same device, a few seconds at most: a deployment is a handful
 * of calls, and a sign-in costs more than most of them. Nothing is kept before `begin` and after `end`.
 */
export interface KeptSessions {
  begin(): void
  /** a session of the device that is open as far as is known now; it is the caller's then */
  take(device: number, by: string): Promise<SignedIn | undefined>
  /** leaves a session, after work that brought no fault, to the next call; or closes it */
  leave(device: number, signedIn: SignedIn): Promise<void>
  /** closes those of a device: its credentials have changed, or somebody else wants to sign in */
  drop(device: number): Promise<void>
  end(): Promise<void>
}

/** what a session waits for its next call */
const idleMs = 10_000
/** credentials that changed in a place of their own count from the next sign-in on */
const longestMs = 60_000
/** of all devices together */
const mostKept = 32

interface Kept extends SignedIn {
  readonly device: number
  readonly cancel: () => void
}

interface Tools {
  readonly clock: Clock
  /** never rejects */
  readonly signOut: (session: Session) => Promise<void>
}

/** Keeps nothing yet. */
export function createKeptSessions({ clock, signOut }: Tools): KeptSessions {
  /** the one that was left last comes last */
  const kept = new Set<Kept>()
  /** when sessions of a device were dropped last: one that was in use then is not kept either */
  const dropped = new Map<number, number>()
  let keeps = false
  const close = async (one: Kept) => {
    kept.delete(one)
    one.cancel()
    await signOut(one.session)
  }
  const closeThose = (which: (one: Kept) => boolean) =>
    Promise.all([...kept].filter(which).map(close)).then(() => {})
  const isGood = ({ session, by, at }: Kept, wanted: string) =>
    by === wanted && session.isOpen() && clock.ticks() - at < longestMs
  const isDropped = (device: number, { at }: SignedIn) => at <= (dropped.get(device) ?? -Infinity)
  return {
    begin: () => void (keeps = true),
    async take(device, by) {
      if (kept.size === 0) return undefined
      // what the peer has closed meanwhile is heard of now, and not after a request was sent; what came while others
      // were told of theirs is told in the next round
      for (let rounds = 0; rounds < 2; rounds++) {
        await new Promise<void>((resolve) => clock.soon(resolve))
      }
      for (const one of [...kept].filter((one) => one.device === device).toReversed()) {
        if (!kept.has(one)) continue
        if (!isGood(one, by)) await close(one)
        else {
          kept.delete(one)
          one.cancel()
          return { session: one.session, by: one.by, at: one.at }
        }
      }
      return undefined
    },
    async leave(device, signedIn) {
      if (!keeps || isDropped(device, signedIn)) return signOut(signedIn.session)
      const [oldest] = kept
      if (oldest && kept.size >= mostKept) await close(oldest)
      const cancel = clock.after(idleMs, () => void close(one))
      const one: Kept = { ...signedIn, device, cancel }
      kept.add(one)
    },
    drop(device) {
      dropped.set(device, clock.ticks())
      return closeThose((one) => one.device === device)
    },
    async end() {
      keeps = false
      await closeThose(() => true)
    }
  }
}
