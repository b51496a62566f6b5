import type { Step } from '../shared/steps.ts'
import { save } from './commands.ts'
import { type ChangeFacts, formerEntries, isFresh } from './facts.ts'
import { chainOf, clear, madeKeys, objects } from './object-steps.ts'
import { changed, profileOf } from './profiles.ts'
import { clientSslProfile } from './readings.ts'
import { bindPairs } from './binding.ts'
import { bringOver, type Pair, type Seat } from './units.ts'
import { readingOf, type Work } from './work.ts'

/** The steps of a change, made from its facts alone. */
export function stepsOf(facts: ChangeFacts): Step<Work>[] {
  const made = facts.changes.some((change) => change.made) ? [madeKeys(facts)] : []
  const steps = [look(facts), ...made, objects(facts), clear(facts), bind(facts), saveStep()]
  return facts.units > 1 ? [...steps, synchronise()] : steps
}

/** noted before the first write: an undo knows by it that there may be something to save */
function look({ profile, units }: ChangeFacts): Step<Work> {
  return {
    id: 'look',
    says: `see that ${profile} is as planned${units > 1 ? ', and that its units are in sync' : ''}`,
    // done before the first step, since all others rest on it
    apply: () => Promise.resolve(),
    async undo(work) {
      if (!work.begun && !work.touched) return
      await save(work.at, work.signal)
      if (work.pair) await synchroniseFrom(work, work.pair)
    }
  }
}

function bind({ profile: fullPath, changes }: ChangeFacts): Step<Work> {
  const pairs = changes.map(({ entry, former, fresh }) =>
    former === null
      ? `add ${fresh.cert} as ${entry}`
      : `${entry}: ${fresh.cert} instead of ${former.cert ?? 'none'}`
  )
  return {
    id: 'bind',
    says: `change ${fullPath} at one moment: ${pairs.join('; ')}; other pairs stay`,
    async apply(work) {
      const { at, reading, signal } = work
      const entries = reading.profile?.entries ?? []
      if (changes.every((change) => entries.some((entry) => isFresh(entry, change)))) return
      const wanted = changes.flatMap((change) => {
        const pair = work.pairs.find(({ family }) => family === change.family)
        if (!pair) return []
        const { cert, key } = change.fresh
        return { name: change.entry, cert, key, chain: chainOf(work, change.fresh, pair) }
      })
      work.touched = true
      await bindPairs(at, { profile: fullPath, entries: changed(entries, wanted) }, signal)
    },
    async undo(work) {
      const { at, signal } = work
      const reply = await clientSslProfile(at, fullPath, signal)
      const entries = reply ? profileOf(reply).entries : []
      // somebody else's certificate is not ours to take away
      if (!changes.some((change) => entries.some((entry) => isFresh(entry, change)))) return
      work.touched = true
      const former = formerEntries(entries, changes)
      await bindPairs(at, { profile: fullPath, entries: former }, signal)
    }
  }
}

function saveStep(): Step<Work> {
  return {
    id: 'save',
    says: 'save the configuration, and with it what others have changed and not saved',
    apply: ({ at, signal }) => save(at, signal),
    // what is saved is put right at the end, when all else is undone
    undo: () => Promise.resolve()
  }
}

function synchronise(): Step<Work> {
  return {
    id: 'synchronise',
    says: 'bring the other unit in sync, see that it holds the same, and save there too',
    async apply(work) {
      if (work.pair) await synchroniseFrom(work, work.pair)
    },
    undo: () => Promise.resolve()
  }
}

async function synchroniseFrom(work: Work, pair: Pair): Promise<void> {
  const { clock, signal } = work
  const arrived = async () => {
    const wanted = await partOf(work, pair.lead)
    for (const seat of pair.others) if ((await partOf(work, seat)) !== wanted) return false
    return true
  }
  await bringOver(pair.lead, pair, { clock, signal, arrived })
  for (const { client } of pair.others) await save(client, signal)
}

/** what a unit holds of the target and of our objects, to be compared */
async function partOf({ facts, signal }: Work, { client }: Seat): Promise<string> {
  const { profile, certificates: held } = await readingOf(client, facts.profile, signal)
  const mine = facts.changes.map(({ fresh }) => [
    held.get(fresh.cert)?.checksum ?? null,
    held.get(fresh.chain)?.checksum ?? null
  ])
  const entries = profile?.entries.map(({ name, cert, key, chain }) => [name, cert, key, chain]) ?? null
  return JSON.stringify([entries, mine])
}
