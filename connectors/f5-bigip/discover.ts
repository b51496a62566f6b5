import { hash } from 'node:crypto'
import { ChainCertificate } from '../../pki/chain-certificate.ts'
import type { Binding, Slot } from '../contract.ts'
import { slotOf } from './certificates.ts'
import { securityOf } from './device-keys.ts'
import { onlyMade } from './plan.ts'
import { byPath, named } from './profiles.ts'
import { serverSslProfiles } from './readings.ts'
import type { Survey } from './survey.ts'
import { bindingOf, targetOf } from './targets.ts'

/** bindings of a page */
const pageSize = 100

/**
 * Every place that holds a certificate: client-ssl profiles, and, not to be changed, server-ssl profiles and the
 * management interface.
 */
export async function* bindings(survey: Survey, signal: AbortSignal): AsyncGenerator<readonly Binding[]> {
  const paths = [...survey.profiles.keys()].sort()
  const held = await survey.keys(signal)
  for (let at = 0; at < paths.length; at += pageSize) {
    const page: Binding[] = []
    for (const path of paths.slice(at, at + pageSize)) {
      const target = targetOf(survey, path)
      // whoever shows the pairs of another one is among its shares, and not listed when nothing uses it
      if (!target || (target.places.virtuals.length === 0 && target.profile.inherits)) continue
      const binding = await bindingOf(survey, target, signal)
      const security = securityOf(target.profile, held)
      page.push({ ...binding, ...(security === 'normal' ? {} : { onlyDeviceKeys: onlyMade(security) }) })
    }
    if (page.length > 0) yield page
  }
  yield [...(await towardsServers(survey, signal)), managementInterface(survey)]
}

async function towardsServers({ client, certificates }: Survey, signal: AbortSignal): Promise<Binding[]> {
  const profiles = await serverSslProfiles(client, signal)
  return profiles.toSorted(byPath).flatMap(({ fullPath, cert }) => {
    const held = named(cert) === null ? undefined : certificates.get(cert ?? '')
    if (!held) return []
    return {
      target: `server-ssl:${fullPath}`,
      title: `server-ssl profile ${fullPath}`,
      kind: 'server-ssl profile',
      slots: held.fingerprint === null ? [] : [slotOf(held)],
      served: [],
      shares: [],
      unmanaged: {
        code: 'unsupported',
        why: 'it is shown to servers behind the device, where no handshake could prove it'
      }
    } satisfies Binding
  })
}

/** what the connection itself has shown */
function managementInterface({ client }: Survey): Binding {
  const { address, port } = client.place
  const leaf = client.ownCertificate
  return {
    target: 'httpd',
    title: `management interface of ${address}`,
    kind: 'management interface',
    slots: leaf ? [slotIn(leaf)] : [],
    served: [{ address, port, name: null, starttls: null }],
    shares: [],
    unmanaged: {
      code: 'unsupported',
      why: 'it would be changed over the connection that it secures, and by its key the device is recognised'
    }
  }
}

const families: Readonly<Record<string, Slot['family']>> = { RSA: 'rsa', ECDSA: 'ecdsa' }

function slotIn(der: Buffer): Slot {
  const { fields } = new ChainCertificate(der)
  return {
    family: families[fields.keyType] ?? 'other',
    fingerprint: hash('sha256', der, 'hex'),
    object: '/config/httpd/conf/ssl.crt/server.crt',
    names: fields.dnsNames,
    notAfter: fields.notAfter
  }
}
