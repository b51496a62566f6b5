import t from 'tap'
import { formatAddress } from '../../core/address.ts'
import { parseExclusion, parseTarget } from '../../sensor/scan/targets/parse.ts'
import {
  type Resolver,
  resolveExclusions,
  resolveTargets,
  systemResolver
} from '../../sensor/scan/targets/resolve.ts'
import type { Target } from '../../sensor/scan/targets/target.ts'

const zone: Readonly<Record<string, readonly string[] | string>> = {
  'a.example': ['10.0.0.1', '10.0.0.2', '2001:db8::1', '10.0.0.1'],
  'mapped.example': ['::ffff:10.0.0.7'],
  'link.example': ['fe80::1%eth0'],
  'gone.example': 'ENOTFOUND',
  'broken.example': 'EAI_AGAIN'
}

const resolver: Resolver = async (name) => {
  const answer = zone[name] ?? 'ENOTFOUND'
  if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer })
  return answer
}

const deps = { resolver, concurrency: 4 }
const parse = (...texts: string[]) => texts.map((text) => parseTarget(text))
const shown = (targets: readonly Target[]) =>
  targets.map((target) => {
    if (target.kind === 'name') return target.name
    if (target.kind === 'range') return formatAddress(target.first)
    return `${target.name} at ${formatAddress(target.address)} ${target.ports?.join() ?? ''}`.trim()
  })

t.test('a name becomes a target for each of its addresses, with the name and its ports', async (t) => {
  const { targets, unresolved } = await resolveTargets(
    parse('a.example:25', '10.0.0.9', 'mapped.example'),
    deps
  )
  t.same(shown(targets), [
    'a.example at 10.0.0.1 25,25',
    'a.example at 10.0.0.2 25,25',
    'a.example at 2001:db8::1 25,25',
    '10.0.0.9',
    'mapped.example at 10.0.0.7'
  ])
  t.same(unresolved, [])
})

t.test('names that do not resolve are told, and do no harm to the others', async (t) => {
  const names = parse('gone.example', 'a.example', 'broken.example', 'link.example', 'gone.example:25')
  const { targets, unresolved } = await resolveTargets(names, deps)
  t.equal(targets.length, 3)
  t.same(unresolved, [
    { name: 'gone.example', reason: 'ENOTFOUND', temporary: false },
    { name: 'broken.example', reason: 'EAI_AGAIN', temporary: true },
    { name: 'link.example', reason: 'no-address', temporary: false }
  ])
})

t.test('it is a fault when nothing is left', async (t) => {
  await t.rejects(resolveTargets(parse('gone.example', 'broken.example'), deps), {
    code: 'target-unresolved',
    message: /"gone\.example" and 1 other names? did not resolve \(ENOTFOUND\)\. Check the name/
  })
  t.same((await resolveTargets(parse('gone.example', '10.0.0.1'), deps)).targets.length, 1)
  t.same(await resolveTargets([], deps), { targets: [], unresolved: [] })
})

t.test('an excluded name spares itself and its addresses', async (t) => {
  const spared = await resolveExclusions([parseExclusion('a.example'), parseExclusion('gone.example')], deps)
  t.same(shown(spared), [
    'a.example',
    'a.example at 10.0.0.1',
    'a.example at 10.0.0.2',
    'a.example at 2001:db8::1',
    'gone.example'
  ])
})

t.test('an excluded name whose addresses nobody knows stops the scan before it begins', async (t) => {
  await t.rejects(resolveExclusions([parseExclusion('broken.example')], deps), {
    code: 'target-unresolved',
    message: /excluded host "broken\.example": the resolver failed \(EAI_AGAIN\).*Write its addresses instead/
  })
})

t.test('each name is asked for once, and no more at a time than allowed', async (t) => {
  let asked = 0
  let now = 0
  let most = 0
  const slow: Resolver = async () => {
    asked++
    most = Math.max(most, ++now)
    await new Promise((resolve) => setImmediate(resolve))
    now--
    return ['10.0.0.1']
  }
  const names = Array.from({ length: 50 }, (_, at) => `host-${at}.example`)
  const { targets } = await resolveTargets(parse(...names, ...names), { resolver: slow, concurrency: 7 })
  t.equal(targets.length, 100)
  t.equal(asked, 50)
  t.equal(most, 7)
})

t.test('an abort ends it', async (t) => {
  const stop = new AbortController()
  const stopping: Resolver = async () => {
    stop.abort(new Error('stopped'))
    return ['10.0.0.1']
  }
  const names = parse('a.example', 'b.example', 'c.example')
  await t.rejects(
    resolveTargets(names, { resolver: stopping, concurrency: 1, signal: stop.signal }),
    /stopped/
  )
})

t.test("the system's resolver knows localhost", async (t) => {
  const { targets } = await resolveTargets(parse('localhost'), { resolver: systemResolver, concurrency: 1 })
  t.ok(
    shown(targets).every((one) => /^localhost at (127\.0\.0\.1|::1)$/.test(one)),
    shown(targets).join()
  )
})
