import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { ListText, ScanRequest } from '../../appliance/functions.ts'
import { plainScan } from '../../appliance/plain-scan.ts'
import { prepareSpace, readSpared } from '../../appliance/standalone/space.ts'
import type { Resolver } from '../../sensor/scan/targets/resolve.ts'

const nowhere = { state: '/nonexistent/state', config: '/nonexistent/config' }

function request(targets: string, excluded: string): ScanRequest {
  const words = (text: string): ListText[] => [{ source: null, text }]
  return {
    ...plainScan,
    targets: words(targets),
    excluded: words(excluded),
    ports: '443'
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

t.test('a list that was named once is read again as long as it is there', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-spared-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'list')
  const doNotScan: ListText[] = [{ source: 'list', text: '10.0.0.1', file }]
  const spared = async () => {
    const read = await readSpared({ excluded: [], doNotScan }, nowhere, { resolver, concurrency: 2 })
    return read.doNotScan.map((target) => target.kind === 'range' && target.first)
  }
  t.same(await spared(), [0x0a000001], 'as it was, for there is no such file any more')
  writeFileSync(file, '10.0.0.1\n10.0.0.2\n')
  t.same(await spared(), [0x0a000001, 0x0a000002], 'as it is')
  rmSync(directory, { recursive: true })
  writeFileSync(directory, '')
  t.same(await spared(), [0x0a000001], 'and again without it')
})

t.test('whoever asks for SSH gets port 22, or is told that it is not scanned', async (t) => {
  const deps = { resolver, concurrency: 2 }
  const asked = { ...request('10.0.0.7', ''), looks: { deep: false, ssh: true, revocation: false } }
  const usual = await prepareSpace({ ...asked, ports: null }, nowhere, deps)
  t.ok(usual.space.ports.includes(22))
  t.same(usual.notes, [])
  const narrow = await prepareSpace({ ...asked, ports: '443' }, nowhere, deps)
  t.same(narrow.space.ports, [443], 'ports that were named are all that is scanned')
  t.match(narrow.notes, [/--ssh looks where the scan meets SSH, and port 22 is not among the ports/])
  const other = await prepareSpace({ ...asked, ports: '22,443' }, nowhere, deps)
  t.same(other.notes, [])
  const without = await prepareSpace({ ...request('10.0.0.7', ''), ports: null }, nowhere, deps)
  t.notOk(without.space.ports.includes(22))
})
