import * as fc from 'fast-check'
import t from 'tap'
import { faultKinds, type FaultKind } from '../../core/fault.ts'
import { finishedSteps } from '../../sensor/automation/deployment-journal.ts'
import { canonical, previewHash } from '../../sensor/automation/plans.ts'
import { againBefore, retryEventAt, retryIn } from '../../sensor/automation/policy/backoff.ts'
import { namesCover } from '../../pki/host-names.ts'
import { uncoveredNames, wantedNames, type NamedTarget } from '../../sensor/automation/policy/names.ts'
import { reasons, sentence, type Reason, type ReasonCode } from '../../sensor/automation/policy/reasons.ts'
import { mayRollOut, type Rollout, type RolloutTarget } from '../../sensor/automation/policy/rollout.ts'
import { mayDeploy, mayStart } from '../../sensor/automation/policy/start.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'

const seed = 20261125
const hour = 3_600_000
const codes = (all: readonly Reason[]) => all.map(({ code }) => code)

t.test('every reason is a sentence with its facts in it', (t) => {
  for (const [code, text] of Object.entries(reasons)) {
    const facts = Object.fromEntries(
      [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, `<${name}>`])
    )
    const said = sentence({ code: code as ReasonCode, facts })
    t.notMatch(said, /[{}]|undefined/, code)
    for (const fact of Object.values(facts)) t.ok(said.includes(fact), `${code} ${fact}`)
  }
  t.end()
})

t.test('names come from what is served, from the profile, or from both', (t) => {
  const names = ['a.test', 'b.test'] as const
  t.same(wantedNames({ rule: 'served' }, ['x.test', 'x.test', 'y.test']), ['x.test', 'y.test'])
  t.same(wantedNames({ rule: 'exactly', names }, ['x.test']), ['a.test', 'b.test'])
  t.same(wantedNames({ rule: 'served-plus', names }, ['b.test', 'x.test']), ['a.test', 'b.test', 'x.test'])
  t.end()
})

const at = (name: string | null, address = '10.0.0.1') => ({ address, port: 443, name })
const holding: NamedTarget = {
  families: ['ecdsa'],
  before: [{ family: 'ecdsa', names: ['a.test', 'b.test', '*.w.test', '10.0.0.1'] }],
  served: [],
  shares: []
}
const uncovered = (target: Partial<NamedTarget>, ...names: string[]) =>
  uncoveredNames({ ...holding, ...target }, names, namesCover).map(({ name, state, where }) =>
    [name, state, ...where].join(' ')
  )

t.test(
  'a name is lost that the former certificate covers and the new one does not, wherever it is from',
  (t) => {
    t.same(uncovered({}, 'a.test', 'b.test', '*.w.test', '10.0.0.1'), [])
    t.same(uncovered({}, 'A.TEST.', 'b.test', '10.0.0.1'), ['*.w.test lost'])
    const served = [at('a.test'), at('x.w.test'), at('X.W.test.', '10.0.0.2'), at(null)]
    t.same(uncovered({ served }, 'b.test'), [
      'a.test lost 10.0.0.1:443',
      '*.w.test lost',
      '10.0.0.1 lost 10.0.0.1:443',
      'x.w.test lost 10.0.0.1:443 10.0.0.2:443'
    ])
    t.same(uncovered({ served: [at('x.y.w.test')] }, 'a.test', 'b.test', '*.w.test', '10.0.0.1'), [
      'x.y.w.test bare 10.0.0.1:443'
    ])
    const shares = [{ what: 'server c', names: ['b.test', '_', '~^x', '.w.test', 'q*.test'] }]
    t.same(uncovered({ shares }, 'a.test', '10.0.0.1'), [
      'b.test lost server c',
      '*.w.test lost server c',
      'w.test bare server c'
    ])
    t.end()
  }
)

t.test(
  'a kind of key that is new takes nothing from the certificate beside it but where it stands in',
  (t) => {
    const rsa = { family: 'rsa', names: ['a.test', 'b.test'] }
    t.same(uncovered({ before: [rsa] }, 'a.test'), ['b.test lost'], 'clients of both kinds get the new one')
    const ecdsa = { family: 'ecdsa', names: ['a.test'] }
    t.same(uncovered({ before: [rsa, ecdsa] }, 'a.test'), ['b.test bare'], 'it was lost before')
    t.same(uncovered({ before: [{ family: 'ecdsa', names: ['2001:DB8::1'] }] }, '2001:db8:0::1'), [])
    t.end()
  }
)

t.test('whatever failed comes up again before the certificate ends, and not faster when it has', (t) => {
  const times = fc.record({
    wait: fc.integer({ min: hour, max: 24 * hour }),
    left: fc.integer({ min: 120_000, max: 1e11 })
  })
  const property = fc.property(times, ({ wait, left }) => {
    const again = againBefore(wait, { ended: 0, notAfter: left })
    return again >= 60_000 && again <= wait && (again <= left / 5 || again === 60_000)
  })
  fc.assert(property, { seed })
  t.equal(againBefore(12 * hour, { ended: 5, notAfter: 0 }), hour + 5)
  t.end()
})

t.test('only what may pass by itself is tried again: later each time, never before it was asked for', (t) => {
  const some = fc.record({
    kind: fc.constantFrom(...(Object.keys(faultKinds) as FaultKind[])),
    attempts: fc.integer({ min: 1, max: 10_000 }),
    retryAfterMs: fc.option(fc.integer({ min: -hour, max: 1000 * hour })),
    chance: fc.double({ min: 0, max: 0.999, noNaN: true })
  })
  const property = fc.property(some, (trouble) => {
    const wait = retryIn(trouble)
    if (!faultKinds[trouble.kind].retry) return wait === null
    if (wait === null || wait < 1_000 || wait > 24 * hour + 60_000) return false
    if (trouble.retryAfterMs !== null) return wait >= Math.min(trouble.retryAfterMs, 24 * hour)
    const next = retryIn({ ...trouble, attempts: trouble.attempts + 1 }) ?? 0
    return next >= wait && wait <= 36 * 60_000
  })
  fc.assert(property, { seed })
  t.end()
})

t.test(
  'a failed event is tried again less and less often, more often when time is short, and not for ever',
  (t) => {
    const failed = { ended: 0, notAfter: null, final: false }
    t.same(
      [0, 1, 2, 3, 4, 5].map((retries) => retryEventAt({ ...failed, retries })),
      [1, 2, 4, 8, 16, null].map((h) => h && h * hour)
    )
    t.equal(retryEventAt({ ...failed, retries: 4, notAfter: 10 * hour }), 2 * hour)
    t.equal(retryEventAt({ ...failed, retries: 0, final: true }), null)
    t.end()
  }
)

const free = {
  now: 1_000,
  start: 0,
  window: null,
  readOnly: [],
  heldBy: null,
  approval: 'not-needed',
  lost: [],
  hash: 'abc',
  approvedHash: null
} as const

t.test('an event begins when nothing stands in its way, and says all that does', (t) => {
  t.same(mayStart(free), { reasons: [], again: null })
  t.same(codes(mayStart({ ...free, approval: 'needed' }).reasons), ['approval-missing'])
  t.same(codes(mayStart({ ...free, approval: 'needed', approvedHash: 'abd' }).reasons), ['approval-missing'])
  t.same(mayStart({ ...free, approval: 'needed', approvedHash: 'abc' }).reasons, [])
  const loses = { ...free, lost: ['a.test'], approval: 'needed' } as const
  t.same(codes(mayStart({ ...loses, approval: 'not-needed' }).reasons), ['names-lost'])
  t.same(codes(mayStart(loses).reasons), ['names-lost'])
  t.same(mayStart({ ...loses, approvedHash: 'abc' }).reasons, [])
  const window = { open: false, until: 5_000, why: { code: 'window-closed', facts: { at: '' } } } as const
  const all = mayStart({ ...free, start: 2_000, window, readOnly: ['edge'], heldBy: 7 })
  t.same(codes(all.reasons), ['target-held', 'read-only', 'start-later', 'window-closed'])
  t.equal(all.again, 5_000, 'when the last of the times has come')
  t.end()
})

t.test('a deployment begins where there is room', (t) => {
  const device = { id: 1, name: 'edge', writable: true }
  const asked = { now: 0, window: null, device, target: 'a', limits: { overall: 3, perDevice: 2 } } as const
  const on = (...places: readonly (readonly [number, string])[]) =>
    places.map(([device, target], at) => ({ deployment: at + 1, device, target }))
  const told = (lock: 'device' | 'target', underWay: ReturnType<typeof on>) =>
    codes(mayDeploy({ ...asked, lock, underWay }).reasons)
  t.same(told('device', []), [])
  t.same(told('device', on([1, 'b'])), ['device-taken'])
  t.same(told('target', on([1, 'b'])), [])
  t.same(told('target', on([1, 'a'])), ['device-taken'])
  t.same(told('target', on([1, 'b'], [1, 'c'])), ['device-taken'])
  t.same(told('device', on([2, 'b'], [3, 'c'], [4, 'd'])), ['enough-under-way'])
  t.same(
    codes(
      mayDeploy({ ...asked, lock: 'target', underWay: [], device: { ...device, writable: false } }).reasons
    ),
    ['read-only']
  )
  t.end()
})

t.test(
  'whatever happens in a rollout, its first target goes first, few go at once, and none after a failure',
  (t) => {
    const setup = fc.record({
      count: fc.integer({ min: 1, max: 8 }),
      canary: fc.constantFrom<Rollout['canary']>('none', 'first', 'standby'),
      atOnce: fc.integer({ min: 1, max: 4 }),
      standby: fc.integer({ min: 0, max: 7 }),
      chances: fc.array(fc.nat(99), { minLength: 60, maxLength: 60 })
    })
    const property = fc.property(setup, ({ count, canary, atOnce, standby, chances }) => {
      const rollout: Rollout = { canary, soakMs: 10, atOnce }
      let targets: readonly RolloutTarget[] = Array.from({ length: count }, (_, position) => ({
        position,
        target: `t${position}`,
        role: position === standby ? 'standby' : 'active',
        state: 'waiting',
        live: null
      }))
      const set = (position: number, change: Partial<RolloutTarget>) =>
        (targets = targets.map((one) => (one.position === position ? { ...one, ...change } : one)))
      const begun: number[] = []
      for (const [now, chance] of chances.entries()) {
        for (const { position, state } of targets) {
          if (state !== 'waiting' || mayRollOut(targets, position, { rollout, now }).reasons.length > 0)
            continue
          if (targets.some((one) => one.state === 'failed')) return false
          begun.push(position)
          set(position, { state: 'begun' })
          if (targets.filter((one) => one.state === 'begun').length > atOnce) return false
          const canaryAt = canary === 'standby' && standby < count ? standby : 0
          const canaryOf = targets[canaryAt]
          if (
            canary !== 'none' &&
            position !== canaryAt &&
            (canaryOf?.state !== 'live' || now < (canaryOf.live ?? 0) + 10)
          )
            return false
        }
        const [under] = targets.filter((one) => one.state === 'begun')
        if (under && chance < 40)
          set(under.position, chance < 5 ? { state: 'failed' } : { state: 'live', live: now })
      }
      const stopped = targets.some(({ state }) => state === 'failed' || state === 'begun')
      return stopped || new Set(begun).size === begun.length
    })
    fc.assert(property, { seed, numRuns: 500 })
    t.end()
  }
)

t.test('the journal knows which steps are done and not undone', (t) => {
  const property = fc.property(
    fc.array(
      fc.record({
        step: fc.constantFrom('a', 'b', 'c'),
        what: fc.constantFrom<'done' | 'undone'>('done', 'undone')
      })
    ),
    (rows) => {
      const finished = finishedSteps(rows)
      return ['a', 'b', 'c'].every((step) => {
        const last = rows.findLast((row) => row.step === step)
        return (
          finished.includes(step) === (last?.what === 'done') &&
          finished.filter((one) => one === step).length < 2
        )
      })
    }
  )
  fc.assert(property, { seed })
  t.end()
})

t.test('the hash of a plan does not depend on the order of its fields, and on everything else', (t) => {
  t.equal(canonical({ b: [1, { d: null, c: 'x' }], a: true }), '{"a":true,"b":[1,{"c":"x","d":null}]}')
  const preview = { names: ['a'], keyTypes: ['ec-p256'], issuer: 'ca', plans: [] }
  t.equal(previewHash(preview), previewHash({ plans: [], issuer: 'ca', keyTypes: ['ec-p256'], names: ['a'] }))
  t.not(previewHash(preview), previewHash({ ...preview, names: ['b'] }))
  t.not(previewHash(preview), previewHash({ ...preview, issuer: 'cb' }))
  t.end()
})

t.test('a profile is filled in, and what is wrong in it is named', (t) => {
  t.match(wholeProfile({ issuer: 'ca', rollout: { soakMinutes: 5 } }), {
    keyTypes: ['ec-p256'],
    rollout: { canary: 'first', soakMinutes: 5, atOnce: 2 },
    keep: { generations: 2, graceHours: 24 }
  })
  const wrong: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{}, /issuer/],
    [{ issuer: 'ca', colour: 'red' }, /colour|additional/i],
    [{ issuer: 'ca', keyTypes: ['rsa-2048', 'rsa-4096'] }, /one RSA and one EC/],
    [{ issuer: 'ca', keyTypes: ['rsa-1024'] }, /keyTypes/],
    [{ issuer: 'ca', windows: { hours: 'Sat 2-4' } }, /Sat 2-4|hh:mm/],
    [{ issuer: 'ca', windows: { repeats: [{ pattern: 'soon', minutes: 5, zone: 'UTC' }] } }, /cron pattern/],
    [{ issuer: 'ca', windows: { repeats: [{ pattern: '0 2 * * *', minutes: 5, zone: 'Mars' }] } }, /IANA/],
    [
      { issuer: 'ca', windows: { blackOuts: [{ from: '2026-12-20', to: '2027-01-01T00:00Z', what: 'x' }] } },
      /2026-12-20/
    ]
  ]
  for (const [given, message] of wrong)
    t.throws(() => wholeProfile(given), { message }, JSON.stringify(given))
  t.throws(() => wholeProfile(null), { code: 'profile-malformed' })
  t.end()
})
