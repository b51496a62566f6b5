import t from 'tap'
import { planWarnings } from '../../sensor/automation/coverage.ts'
import { storedPlan } from '../../sensor/automation/plans.ts'
import { approveEvent } from '../../sensor/automation/requests.ts'
import { createCertificate } from '../peers/certificates.ts'
import { shownAt } from '../peers/handshake.ts'
import { hostMissing } from '../peers/hosts/host.ts'
import { drive } from './engine-world.ts'
import { makeHostedSite, openHostedSite, requestRenewal, startEngineHost } from './hosted-engine-world.ts'
import { twoSites } from './web-hosts-world.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { skipFor } from '../peers/process.ts'

const missing = hostMissing(['nginx', 'haproxy'])
const skip = skipFor(missing)

for (const name of ['nginx', 'haproxy'] as const) {
  t.test(
    `${name}: a name that is served is lost only with a person’s word, and proves nothing`,
    { skip },
    async (t) => {
      const names = ['a.test', 'www.a.test']
      const [, other] = twoSites()
      if (!other) throw new Error('there are two sites')
      const sites = [
        { names, listener: 'front', pairs: { ecdsa: createCertificate({ names, key: 'p256' }) } },
        other
      ]
      const at = await startEngineHost(name, { sites })
      t.teardown(() => at.stop())
      const profile = { names: { rule: 'exactly', names: ['a.test'] } }
      const open = openHostedSite(await makeHostedSite(directoryFor(t), at, { profile }))
      t.teardown(() => open.close())
      const { store, engine } = open
      const event = requestRenewal(open, at)
      const now = () => store.events.get(event.id)
      await drive(open, () => now().state === 'needs-approval')
      t.match(now(), { state: 'needs-approval', why: /does not cover www\.a\.test, served now/ })
      const [of] = store.deployments.of(event.id)
      const stored = of && storedPlan(of)
      const warnings = stored ? planWarnings(engine.context, stored, ['a.test']) : []
      t.match(
        warnings.filter((one) => one.includes('loses')),
        [/^www\.a\.test \(.*127\.0\.0\.1:\d+.*\) loses its certificate/]
      )
      const approving = { event: event.id, who: 'carol', lostNames: 'accepted' } as const
      approveEvent(engine.context, approving, now().hash ?? '')
      await drive(open, () => now().open === 0)
      t.equal(now().state === 'live' || now().state === 'cleaned', true, now().why)
      t.match(
        store.eventHistory
          .of(event.id)
          .map(({ why }) => why)
          .join('\n'),
        /not proven, since it does not cover the name: www\.a\.test at 127/
      )
      const port = at.program.sites[0]?.port ?? 0
      t.equal(await shownAt({ port, name: 'a.test' }), store.orders.of(event.id)[0]?.fingerprint)
    }
  )
}
