import t from 'tap'
import { refreshFindings } from '../../sensor/inventory/refresh.ts'
import {
  chainOf,
  codesOf,
  day,
  leaf,
  observed,
  publicIssuer,
  publicRoot,
  start,
  strangeRoot,
  trust,
  world,
  type World
} from './inventory-world.ts'

/** Takes away every finding, as if the rules had found nothing so far. */
function forgetFindings({ store }: World): void {
  for (let id = 1; id <= 2_000; id++) {
    for (const kind of ['endpoint', 'state', 'chain', 'certificate'] as const)
      store.findings.replace({ kind, id }, [])
  }
}

const twin = chainOf(leaf('shop.example', { key: 'rsa2048' }), publicIssuer)

t.test('other roots judge every chain and leaf anew, the same roots nothing', async (t) => {
  const here = world(t)
  const strange = leaf('strange.example', { issuer: strangeRoot, notAfter: start + 400 * day })
  const [id = 0] = here
    .scan()
    .record(observed('10.0.0.1', { chains: [chainOf(strange, strangeRoot), twin] })).endpoints
  t.same(codesOf(here.store, id, start), ['long-validity', 'untrusted-root'])
  t.equal(await refreshFindings(here), true, 'nothing was judged as a whole before')
  t.equal(await refreshFindings(here), false)
  t.same(codesOf(here.store, id, start), ['long-validity', 'untrusted-root'])

  const more = { ...here, trust: trust([publicRoot, strangeRoot], 'more') }
  t.equal(await refreshFindings(more), true)
  t.same(codesOf(here.store, id, start), ['long-validity'])
  const leafId = here.store.certificates.idOf(strange.fingerprint) ?? 0
  t.equal(here.store.certificates.byId(leafId)?.trust, 'private')
  t.equal(await refreshFindings(more), false)

  t.equal(await refreshFindings({ ...here, trust: trust([], 'none') }), true)
  t.equal(here.store.certificates.byId(leafId)?.trust, null)
  t.same(codesOf(here.store, id, start), ['long-validity', 'untrusted-root', 'untrusted-root'])
})

t.test('names and protocols are judged anew as well', async (t) => {
  const here = world(t)
  const seen = { chains: [twin], name: 'other.example', version: 0x0301 }
  const [id = 0] = here.scan().record(observed('10.0.0.1', seen)).endpoints
  const before = codesOf(here.store, id, start)
  forgetFindings(here)
  t.same(codesOf(here.store, id, start), [])
  await refreshFindings(here)
  t.same(codesOf(here.store, id, start), before)
  t.same(before, ['missing-twin', 'name-mismatch', 'old-protocol'])
})

t.test('more than one step of rows is judged', async (t) => {
  const here = world(t)
  const leaves = Array.from({ length: 450 }, (_, at) => leaf(`host-${at}.example`))
  const seen = leaves.map((one, at) =>
    observed(`10.0.${at >> 8}.${at & 255}`, { chains: [chainOf(one)], name: 'x.example' })
  )
  const { endpoints } = here.scan().record(...seen)
  const last = endpoints.at(-1) ?? 0
  const before = codesOf(here.store, last, start)
  forgetFindings(here)
  await refreshFindings(here)
  t.same(codesOf(here.store, last, start), before)
  t.same(before, ['chain-incomplete', 'missing-twin', 'name-mismatch'])
})

t.test('one that ends in the middle is not taken for whole, by whatever roots comes next', async (t) => {
  const here = world(t)
  const strange = leaf('strange.example', { issuer: strangeRoot })
  const [id = 0] = here
    .scan()
    .record(observed('10.0.0.1', { chains: [chainOf(strange, strangeRoot)] })).endpoints
  await refreshFindings(here)
  const more = { ...here, trust: trust([publicRoot, strangeRoot], 'more') }
  const heard: (readonly number[])[] = []
  const tell = (done: number, size: number) => {
    heard.push([done, size])
    throw new Error('the process ends')
  }
  await t.rejects(refreshFindings({ ...more, tell }), /the process ends/)
  t.same(heard, [[1, 2]], 'one chain of a chain and a state')
  t.same(codesOf(here.store, id, start), ['missing-twin'], 'the chain was judged by other roots')
  t.equal(await refreshFindings(here), true)
  t.same(codesOf(here.store, id, start), ['missing-twin', 'untrusted-root'])
})
