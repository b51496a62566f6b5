import t from 'tap'
import type { ListText, ScanRequest } from '../../appliance/functions.ts'
import { prepareSpace } from '../../appliance/standalone/space.ts'
import type { Resolver } from '../../sensor/scan/targets/resolve.ts'

const nowhere = { state: '/nonexistent/state', config: '/nonexistent/config' }

function request(targets: string, excluded: string): ScanRequest {
  const words = (text: string): ListText[] => [{ source: null, text }]
  return {
    targets: words(targets),
    found: [],
    excluded: words(excluded),
    doNotScan: [],
    ports: '443',
    names: [],
    ptr: false,
    certificateNames: false,
    maxNames: 20,
    pace: {},
    probe: {},
    looks: { deep: false, ssh: false, revocation: false },
    workers: 0,
    maxTargets: 1_000,
    owner: null,
    tags: []
  }
}

const resolver: Resolver = async (name) => {
  if (name === 'shop.test') return ['10.0.0.7']
  throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' })
}

t.test(
  'a name that is to be spared and leads nowhere is told, for its addresses are not spared',
  async (t) => {
    const deps = { resolver, concurrency: 2 }
    const typo = await prepareSpace(request('10.0.0.7', 'shopp.test'), nowhere, deps)
    t.equal(typo.sizes.pairs, 1)
    t.same(typo.notes, ['shopp.test is to be spared and did not resolve: its addresses are not spared.'])
    const right = await prepareSpace(request('10.0.0.7', 'shop.test'), nowhere, deps)
    t.equal(right.sizes.pairs, 0)
    t.same(right.notes, [])
  }
)
