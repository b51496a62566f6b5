import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLog } from '../../core/log.ts'
import { seededRandom } from '../../core/random.ts'
import type { Secret } from '../../core/secret.ts'
import { createEngine } from '../../sensor/automation/engine.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import { manageTarget } from '../../sensor/automation/requests.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import { latestWish, yearCa } from './year/ca.ts'
import { yearClock } from './year/clock.ts'
import {
  begin,
  caOutages,
  cohorts,
  day,
  deviceOutage,
  end,
  freeze,
  freezeTime,
  hour,
  recall,
  type Cohort
} from './year/cohorts.ts'
import { yearDevices, type Outage, type YearDevice } from './year/devices.ts'
import { oracleGrid, takenByOutage, unavoidable, type Gap } from './year/oracle.ts'
import { limits } from './engine-world.ts'

/** what one target went through */
interface Life {
  readonly place: string
  readonly cohort: Cohort
  readonly gone: readonly Outage[]
  readonly certificates: readonly { readonly at: number; readonly fingerprint: string }[]
}

/** the same when the year is over */
interface Lived extends Life {
  /** what its events did in that time, for whoever has to find out why it was lost */
  readonly story: (from: number, to: number) => readonly string[]
}

t.test(
  'in a year no certificate ends that could have been saved, and none is renewed twice',
  { timeout: 240_000 },
  async (t) => {
    const { lives, ca, log } = await liveThrough(t)
    t.equal(lives.length, 300)
    let lost = 0
    for (const cohort of cohorts) {
      const row = judge(
        t,
        lives.filter((life) => life.cohort === cohort),
        cohort,
        ca
      )
      lost += row.lost
      if (cohort.asks && recall.lifetimes.includes(cohort.days * day)) {
        const heard = lives.filter((life) => {
          return (
            life.cohort === cohort &&
            life.certificates.some(({ at }) => at >= recall.at && at < recall.at + 36 * day)
          )
        })
        t.equal(
          heard.length,
          cohort.targets,
          `${cohort.name}: renewed in the first window after the CA wanted it`
        )
      }
      t.comment(`table: ${row.text}`)
    }
    t.equal(lost, 0, 'certificates that ended and could have been saved')
    const used = new Set(
      lives.flatMap(({ certificates }) => certificates.map(({ fingerprint }) => fingerprint))
    )
    const unused = [...ca.sold.values()].filter(
      ({ fingerprint, sold }) => !used.has(fingerprint) && sold < end - 40 * day
    )
    t.same(unused.length, 0, 'certificates that were bought and never used')
    t.comment(
      `table: ${ca.sold.size} certificates, ${log.events} events, ${log.retries} retries, ${log.stuck} stuck`
    )
    t.equal(log.stuck, 0)
    t.same(log.errors.slice(0, 5), [], 'nothing for a person to do')
  }
)

/** runs the engine through the year; the store is in memory where the machine has a place for that */
async function liveThrough(t: Test) {
  const clock = yearClock(begin)
  const random = seededRandom(20261125)
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tlsward-year-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  const ca = yearCa({ clock, outages: caOutages, recall })
  const devices = new Map<string, YearDevice>()
  const year = yearDevices(devices, { clock, random, failing: 0.01 })
  const keys = new Map<string, Secret>()
  const errors: string[] = []
  const engine = createEngine({
    store,
    clock,
    random,
    log: { ...silentLog, error: (event, facts) => void errors.push(`${event} ${JSON.stringify(facts)}`) },
    limits,
    keys: {
      read: (name) => keys.get(name) ?? null,
      keep: (name, key) => void keys.set(name, key),
      drop: (name) => void keys.delete(name)
    },
    pki: ca.pki,
    wire: year.wire,
    installation: 'year',
    connector: () => year.connector,
    credentials: async () => () => undefined,
    issuer: () => ca.issuer,
    certificate: (fingerprint) => ca.sold.get(fingerprint)?.der
  })
  const lives = populate({ store, ca, devices, engine: engine.context, random })
  for (;;) {
    engine.poke()
    await engine.settled()
    const next = engine.nextWake()
    if (next === null || next >= end) break
    clock.time = Math.max(clock.time, next)
  }
  const events = store.events.before(Number.MAX_SAFE_INTEGER, 100_000)
  return {
    ca,
    lives: lives.map((life) => ({
      ...life,
      certificates: [...life.certificates, ...year.shown.filter(({ place }) => place === life.place)],
      story: (from: number, to: number) => storyOf(store, life.place, { from, to })
    })),
    log: {
      errors,
      events: events.length,
      retries: events.reduce((sum, { retries }) => sum + retries, 0),
      stuck: events.filter(({ state }) => state === 'stuck').length
    }
  }
}

/** what happened to a target; while the store is open */
function storyOf(store: Store, place: string, { from, to }: Gap): string[] {
  const [name = '', target = ''] = place.split(' ')
  const device = store.devices.named(name).id
  return store.events
    .before(Number.MAX_SAFE_INTEGER, 100_000)
    .filter(({ requested, ended }) => requested < to && (ended ?? end) > from)
    .filter(({ id }) =>
      store.deployments.of(id).some((one) => one.device === device && one.target === target)
    )
    .flatMap(({ id }) => store.eventHistory.of(id))
    .filter(({ at }) => at >= from && at <= to)
    .map(
      ({ at, event, deployment, state, why }) => `${iso(at)} ${event} ${deployment ?? ''} ${state}: ${why}`
    )
}

interface People {
  readonly store: ReturnType<typeof openStore>
  readonly ca: ReturnType<typeof yearCa>
  readonly devices: Map<string, YearDevice>
  readonly engine: Parameters<typeof manageTarget>[0]
  readonly random: ReturnType<typeof seededRandom>
}

/** makes the devices, with certificates of all ages on them */
function populate({ store, ca, devices, engine, random }: People): Life[] {
  const lives: Life[] = []
  for (const [nth, cohort] of cohorts.entries()) {
    const profile = wholeProfile({
      issuer: 'year',
      validityDays: cohort.days,
      renewalInformation: cohort.asks ? 'honoured' : 'ignored',
      windows: { ...cohort.windows, blackOuts: cohort.frozen ? [freeze] : [] },
      rollout: { canary: 'first', soakMinutes: 5, atOnce: 2 },
      keep: { generations: 1, graceHours: 12 }
    })
    store.profiles.put(cohort.name, JSON.stringify(profile), begin)
    for (let group = 0; group < cohort.targets / cohort.shared; group++) {
      const age = random.fraction() * cohort.days * day * 0.55
      const names = [`g${group}.c${nth}.test`]
      const certificate = ca.issue(names, cohort.days * day, begin - age)
      for (let member = 0; member < cohort.shared; member++) {
        // the last device of some cohorts is gone for days
        const gone = group === 0 && member === 0 ? [deviceOutage] : []
        const device = `d${nth}-${group}-${member}`
        const { fingerprint, notAfter } = certificate
        const slot = { family: 'ecdsa', fingerprint, object: 'x', names, notAfter } as const
        devices.set(device, { name: device, held: new Map([['t', slot]]), outages: gone })
        const id = store.devices.add({
          name: device,
          connector: 'year',
          settings: JSON.stringify({ name: device }),
          created: begin
        })
        store.devices.setWritable(id, 'writable')
        const binding = {
          target: 't',
          title: '',
          kind: '',
          slots: [slot],
          served: [],
          shares: [],
          unmanaged: null
        }
        manageTarget(engine, { device, target: 't', profile: cohort.name, binding })
        lives.push({ place: `${device} t`, cohort, gone, certificates: [{ at: begin - age, fingerprint }] })
      }
    }
  }
  return lives
}

/** what came of the targets of a cohort */
interface Sums {
  renewals: number
  ended: number
  unsaveable: number
  outage: number
  lost: number
  twice: number
}

/** holds what happened against what could have been */
function judge(t: Test, lives: readonly Lived[], cohort: Cohort, ca: ReturnType<typeof yearCa>) {
  const open = oracleGrid(cohort.window, begin - 60 * day, end)
  const sums: Sums = { renewals: 0, ended: 0, unsaveable: 0, outage: 0, lost: 0, twice: 0 }
  for (const life of lives) judgeLife(t, life, { open, ca, sums })
  const of = (what: keyof Sums, width: number) => String(sums[what]).padStart(width)
  const text =
    `${cohort.name.padEnd(23)} ${String(lives.length).padStart(3)} targets ${of('renewals', 5)} renewals, ` +
    `${of('ended', 3)} ended: ${of('unsaveable', 3)} unsaveable, ${of('outage', 2)} by an outage, ` +
    `${sums.lost} lost; ${sums.twice} renewed twice`
  return { ...sums, text }
}

interface Bench {
  readonly open: (at: number) => boolean
  readonly ca: ReturnType<typeof yearCa>
  readonly sums: Sums
}

function judgeLife(
  t: Test,
  { place, cohort, gone, story, certificates: came }: Lived,
  { open, ca, sums }: Bench
): void {
  const certificates = came.flatMap(({ at, fingerprint }): Held[] => {
    const certificate = ca.sold.get(fingerprint)
    return certificate ? [{ ...certificate, at }] : []
  })
  const [first] = certificates
  if (!first) throw new Error('nothing to judge')
  const known = cohort.frozen ? [freezeTime] : []
  const unforeseen = [...caOutages, ...gone]
  const wanted = cohort.asks ? latestWish : 2 / 3
  const told = { wanted, open, known, unforeseen }
  const gaps = gapsOf(certificates)
  const avoidable = { lifetimeMs: cohort.days * day, open, closed: [...known, ...unforeseen], begin, end }
  const never = gaps.length === 0 ? [] : unavoidable({ ...avoidable, first: spanOf(first) })
  for (const gap of gaps) {
    const certificate = certificates.find(({ notAfter }) => notAfter === gap.from)
    if (never.some((one) => one.to > gap.from && one.from < gap.to)) sums.unsaveable++
    else if (certificate && takenByOutage({ ...told, certificate: spanOf(certificate) })) sums.outage++
    else {
      sums.lost++
      t.fail(`${place} was without from ${iso(gap.from)} to ${iso(gap.to)}`, {
        story: story(gap.from - 3 * day, gap.to)
      })
    }
  }
  sums.renewals += certificates.length - 1
  sums.ended += gaps.length
  for (const { at } of certificates.slice(1)) {
    if (!open(at)) {
      t.fail(`${place} changed at ${iso(at)}, out of its window`, { story: story(at - 4 * hour, at) })
    }
    if (known.some((one) => at >= one.from && at < one.to))
      t.fail(`${place} changed at ${iso(at)}, in the freeze`)
  }
  const more = (from: number, to: number) => {
    for (let at = from; at < to; at += 600_000)
      if (open(at) && !known.some((one) => at >= one.from && at < one.to)) return true
    return false
  }
  for (const at of renewedTwice(certificates, more)) {
    sums.twice++
    t.fail(`${place} was renewed twice at ${iso(at)}`)
  }
}

function spanOf({ notBefore, notAfter }: Held): Gap {
  return { from: notBefore, to: notAfter }
}

interface Held {
  readonly at: number
  readonly notBefore: number
  readonly notAfter: number
  readonly fingerprint: string
}

function gapsOf(certificates: readonly Held[]): Gap[] {
  return certificates.flatMap((one, nth) => {
    const to = certificates[nth + 1]?.at ?? end
    return to > one.notAfter ? [{ from: one.notAfter, to }] : []
  })
}

/**
 * Renewals of a certificate that was hardly used, although its CA had not called it back and another window was to
 * come; and of the same certificate twice.
 */
function renewedTwice(certificates: readonly Held[], more: (from: number, to: number) => boolean): number[] {
  return certificates.slice(1).flatMap(({ at, fingerprint }, nth) => {
    const former = certificates[nth]
    if (!former) return []
    const lifetime = former.notAfter - former.notBefore
    const called = recall.lifetimes.includes(lifetime) && at >= recall.at && former.notBefore < recall.at
    const hardly =
      (at - former.notBefore) / lifetime < 0.3 && !called && more(at + 12 * hour, former.notAfter)
    return fingerprint === former.fingerprint || hardly ? [at] : []
  })
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
