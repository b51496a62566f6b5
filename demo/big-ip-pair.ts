import { pemOf } from '../test/peers/certificates.ts'
import type { Seed } from '../test/simulators/f5-bigip/seed.ts'
import { startPair } from '../test/simulators/f5-bigip/pair.ts'
import type { Running } from './managed.ts'
import type { ManagedServer } from './servers.ts'

const user = 'admin'
const password = 'demo-Admin-1'

/** Starts two simulated BIG-IPs of one failover group, with a virtual server on the active one. */
export async function startBigIpPair(
  { device, pairs }: Pick<ManagedServer, 'device' | 'pairs'>,
  where: { readonly host: string; readonly port: number }
): Promise<Running> {
  const pair = await startPair({ seed: seedOf(device, pairs, where) })
  return {
    port: where.port,
    connector: 'f5-bigip',
    settings: {
      address: pair.a.host,
      port: pair.a.port,
      peerAddress: pair.b.host,
      peerPort: pair.b.port,
      user
    },
    secrets: { password },
    pair: {
      active: () => pair.active.hostname,
      failOver: () => pair.failover()
    },
    close: () => pair.stop()
  }
}

function seedOf(
  device: string,
  pairs: ManagedServer['pairs'],
  { host, port }: { readonly host: string; readonly port: number }
): Seed {
  const profile = `/Common/${device}`
  const held = Object.entries(pairs).map(([family, leaf]) => ({ name: `${profile}-${family}`, leaf }))
  const [first] = held
  const behind = first?.leaf.chain.slice(1) ?? []
  const chain = `${profile}-chain.crt`
  return {
    certs: {
      [chain]: pemOf(behind),
      ...Object.fromEntries(held.map(({ name, leaf }) => [`${name}.crt`, leaf.pem]))
    },
    keys: Object.fromEntries(held.map(({ name, leaf }) => [`${name}.key`, leaf.keyPem])),
    clientSsl: {
      [profile]: {
        certKeyChain: held.map(({ name }) => ({
          name: name.slice('/Common/'.length),
          cert: `${name}.crt`,
          key: `${name}.key`,
          chain
        }))
      }
    },
    virtuals: { [profile]: { destination: `${host}:${port}`, profiles: ['/Common/http', profile] } }
  }
}
