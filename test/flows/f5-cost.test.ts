import t, { type Test } from 'tap'
import type { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { openSingle } from '../contract/f5-bigip.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { drive, isOver } from './engine-world.ts'
import { makeF5Site, openF5Site, requestF5 } from './f5-engine-world.ts'

/** What a replacement may cost a device: each request is a process, a token check and a configuration lock there. */
const most = { alone: 22, shared: 15 } as const

t.test('a replacement alone asks a BIG-IP no more than is needed', async (t) => {
  const { unit, replace } = await opened(t)
  // the chain is made once
  await replace(['/Prod/shop'])
  const asked = unit.requests.length
  await replace(['/Prod/shop'])
  const requests = unit.requests.slice(asked).map(({ method, path }) => `${method} ${bare(path)}`)
  t.comment(`table: requests of a replacement on f5-bigip, alone: ${requests.length}, at most ${most.alone}`)
  for (const [at, request] of requests.entries()) t.comment(`${at + 1} ${request}`)
  t.ok(requests.length <= most.alone, `${requests.length} requests, at most ${most.alone}`)
  t.ok(requests.length > 10, 'they are counted')
})

t.test('ten targets with one certificate share what they can', async (t) => {
  const { unit, port, replace } = await opened(t)
  const names = Array.from({ length: 10 }, (_, at) => `site-${at}`)
  const certKeyChain = [{ name: 'shop-ecdsa', cert: '/Common/shop-ecdsa.crt', key: '/Common/shop-ecdsa.key' }]
  for (const [at, name] of names.entries()) {
    await unit.act('POST', 'ltm/profile/client-ssl', { name, partition: 'Common', certKeyChain })
    const destination = `/Common/127.0.0.${at + 2}:${port}`
    const profiles = [{ name: `/Common/${name}`, context: 'clientside' }, { name: '/Common/tcp' }]
    await unit.act('POST', 'ltm/virtual', { name, partition: 'Common', destination, profiles })
  }
  const asked = unit.requests.length
  await replace(names.map((name) => `/Common/${name}`))
  const requests = unit.requests.slice(asked)
  const each = requests.length / names.length
  t.comment(
    `table: requests of a replacement on f5-bigip, ten targets: ${each} for each, at most ${most.shared}`
  )
  const kinds = Map.groupBy(requests, ({ method, path }) => `${method} ${bare(path)}`)
  for (const [kind, all] of kinds) t.comment(`${all.length} ${kind}`)
  t.ok(each <= most.shared, `${each} requests for each, at most ${most.shared}`)
  t.ok(each > 5, 'they are counted')
})

/** A unit, and an engine that replaces certificates on it until they are cleaned up. */
async function opened(t: Test): Promise<{
  readonly unit: BigIp
  readonly port: number
  readonly replace: (targets: readonly string[]) => Promise<void>
}> {
  const world = await openSingle()
  const { unit, shop } = world
  t.teardown(() => world.stop())
  // a generation of ours stays as usual
  const keep = { generations: 2, graceHours: 0 }
  const site = await makeF5Site(directoryFor(t), [unit], { keep })
  return {
    unit,
    port: shop.port,
    async replace(targets) {
      const open = openF5Site(site)
      const { id } = requestF5(open, targets)
      await drive(open, () => isOver(open.store.events.get(id)))
      const { state, why } = open.store.events.get(id)
      await open.close()
      t.equal(state, 'cleaned', why)
    }
  }
}

/** without query, and without what differs from one replacement to the next */
function bare(path: string): string {
  return path
    .replace(/^\/mgmt/, '')
    .replace(/\?.*/, '')
    .replace(/\/tokens\/\w+/, '/tokens/…')
    .replace(/\/transaction\/\d+/, '/transaction/…')
    .replace(/site-\d/, 'site-…')
    .replaceAll(/[0-9a-f]{16}/g, '…')
}
