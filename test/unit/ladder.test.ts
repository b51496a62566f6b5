import t from 'tap'
import type { ExchangeEnd } from '../../sensor/scan/probe/exchange.ts'
import { nextStep, outcomeOf, type Attempt, type Climb, type Rung } from '../../sensor/scan/probe/ladder.ts'

const climb: Climb = { starttls: null, adapt: true, twin: true }
const certificate: ExchangeEnd = { kind: 'certificate' }
const refusal: ExchangeEnd = { kind: 'alert', alert: 40 }

/** rungs climbed when each connection ends as `ends` says */
function climbing(
  climb: Climb,
  ends: readonly (ExchangeEnd & { keyType?: Attempt['keyType'] })[]
): Attempt[] {
  const past: Attempt[] = []
  for (const end of ends) {
    const step = nextStep(past, climb)
    if (step === null) break
    past.push({ ...step, end, ...(end.keyType ? { keyType: end.keyType } : {}) })
  }
  return past
}

const rungs = (past: readonly Attempt[]): Rung[] => past.map(({ rung }) => rung)

t.test('an RSA certificate makes us ask for an ECDSA one, and the reverse', (t) => {
  t.same(rungs(climbing(climb, [{ ...certificate, keyType: 'RSA' }, refusal, refusal])), ['modern', 'ecdsa'])
  t.same(rungs(climbing(climb, [{ ...certificate, keyType: 'ECDSA' }, refusal, refusal])), ['modern', 'rsa'])
  t.same(rungs(climbing(climb, [{ ...certificate, keyType: 'Ed25519' }, refusal])), ['modern'])
  t.same(rungs(climbing({ ...climb, twin: false }, [{ ...certificate, keyType: 'RSA' }, refusal])), [
    'modern'
  ])
  t.end()
})

t.test('a database that counts cut handshakes is asked once', (t) => {
  const past = climbing({ ...climb, starttls: 'mysql' }, [{ ...certificate, keyType: 'RSA' }, refusal])
  t.same(rungs(past), ['modern'])
  t.same(rungs(climbing({ ...climb, starttls: 'mysql' }, [refusal, refusal])), ['modern'], 'refused or not')
  t.end()
})

t.test('a refusal leads to older hellos, and ends', (t) => {
  t.same(
    rungs(
      climbing(
        climb,
        Array.from({ length: 9 }, () => refusal)
      )
    ),
    ['modern', 'groups', 'legacy', 'ssl3']
  )
  t.same(
    rungs(
      climbing(
        climb,
        Array.from({ length: 9 }, () => ({ kind: 'reset', heard: false }))
      )
    ),
    ['modern', 'legacy', 'ssl3']
  )
  const late = climbing(climb, [refusal, refusal, refusal, { ...certificate, keyType: 'RSA' }, refusal])
  t.same(rungs(late), ['modern', 'groups', 'legacy', 'ssl3', 'ecdsa'])
  t.same(rungs(climbing(climb, [{ kind: 'alert', alert: 70 }, refusal, refusal])), [
    'modern',
    'legacy',
    'ssl3'
  ])
  const rare = climbing(climb, [refusal, { ...certificate, keyType: 'RSA' }, refusal])
  t.same(rungs(rare), ['modern', 'groups'], 'a server that wants a rare group is not asked for a twin')
  t.same(
    rungs(climbing(climb, [refusal, { kind: 'stalled', heard: false }, refusal, refusal])),
    ['modern', 'groups', 'legacy', 'ssl3'],
    'what is odd about the rare groups keeps nobody from the old hellos'
  )
  t.equal(outcomeOf(late), 'certificate')
  t.end()
})

t.test('ends that teach nothing more end the climb', (t) => {
  const ends: ExchangeEnd[] = [
    { kind: 'closed' },
    { kind: 'silent' },
    { kind: 'unreachable' },
    { kind: 'stalled', heard: true },
    { kind: 'malformed', why: '' },
    { kind: 'too-large', why: '' },
    { kind: 'no-certificate' },
    { kind: 'alert', alert: 112 },
    { kind: 'not-tls', banner: 'SSH-2.0', speaks: null }
  ]
  for (const end of ends)
    t.equal(
      climbing(
        climb,
        Array.from({ length: 5 }, () => end)
      ).length,
      1,
      end.kind
    )
  t.end()
})

t.test('a server that speaks first is met in its protocol, once', (t) => {
  const smtp: ExchangeEnd = { kind: 'not-tls', banner: '220 mx', speaks: 'smtp' }
  const past = climbing(climb, [smtp, { ...certificate, keyType: 'RSA' }, refusal])
  t.same(
    past.map(({ rung, starttls }) => [rung, starttls]),
    [
      ['modern', null],
      ['modern', 'smtp'],
      ['ecdsa', 'smtp']
    ]
  )
  t.equal(climbing({ ...climb, adapt: false }, [smtp, smtp]).length, 1)
  t.equal(climbing(climb, [smtp, { kind: 'no-starttls', banner: '' }, smtp]).length, 2)
  t.end()
})

t.test('TLS at once on a port that is registered for the clear', (t) => {
  const mail: Climb = { ...climb, starttls: 'smtp' }
  const past = climbing(mail, [
    { kind: 'stalled', heard: false },
    { ...certificate, keyType: 'ECDSA' },
    refusal
  ])
  t.same(
    past.map(({ starttls }) => starttls),
    ['smtp', null, null]
  )
  t.equal(outcomeOf(past), 'certificate')
  t.equal(climbing(mail, [{ kind: 'no-starttls', banner: '250' }]).length, 1)
  t.end()
})

t.test('the outcome is the most telling end', (t) => {
  const tls = (end: ExchangeEnd): Attempt => ({ rung: 'modern', starttls: null, end })
  t.equal(outcomeOf([tls({ kind: 'reset', heard: false }), tls(refusal)]), 'alert')
  t.equal(outcomeOf([tls({ kind: 'alert', alert: 112 })]), 'name-required')
  t.equal(outcomeOf([tls({ kind: 'silent' })]), 'silent')
  t.equal(outcomeOf([tls({ kind: 'ended', heard: false }), tls({ kind: 'silent' })]), 'ended')
  t.end()
})
