import { createAuthority, createCertificate } from '../../peers/certificates.ts'
import { freePort } from '../../peers/ports.ts'
import type { JsonObject } from './json.ts'
import type { Seed } from './seed.ts'

/** A configuration to try things on, and where it is served. */
export interface DemoSeed {
  readonly seed: Seed
  /** what is where, for people */
  readonly served: readonly string[]
}

/**
 * What a person or a device check needs to see everything once: two kinds of keys behind one profile, names, a child
 * that inherits, a second partition with a folder, a profile of an application service, and plain HTTP.
 */
export async function demoSeed(address: string): Promise<DemoSeed> {
  const { authority, pairs } = demoPairs()
  const ports = [
    await freePort(address),
    await freePort(address),
    await freePort(address),
    await freePort(address)
  ]
  const [www = 0, child = 0, team = 0, plain = 0] = ports
  const pair = (name: string): JsonObject => ({
    name: name.split('/').pop() ?? name,
    cert: `${name}.crt`,
    key: `${name}.key`,
    chain: '/Common/demo-ca.crt'
  })
  const seed: Seed = {
    partitions: { Team: 0 },
    folders: { '/Team/app': {}, '/Common/iapp.app': { appService: '/Common/iapp.app/iapp' } },
    certs: {
      '/Common/demo-ca.crt': authority.pem,
      ...Object.fromEntries(Object.entries(pairs).map(([name, { pem }]) => [`${name}.crt`, pem]))
    },
    keys: Object.fromEntries(Object.entries(pairs).map(([name, { keyPem }]) => [`${name}.key`, keyPem])),
    clientSsl: {
      '/Common/www': {
        sniDefault: 'true',
        certKeyChain: [pair('/Common/www-rsa'), pair('/Common/www-ecdsa')]
      },
      '/Common/shop': { serverName: 'shop.demo.example', certKeyChain: [pair('/Common/shop')] },
      '/Common/shop-child': { defaultsFrom: '/Common/shop' },
      '/Team/app/team': { certKeyChain: [pair('/Team/app/team')] },
      '/Common/iapp.app/iapp-ssl': { appService: '/Common/iapp.app/iapp' }
    },
    virtuals: {
      '/Common/vs-www': {
        destination: `${address}:${www}`,
        profiles: ['/Common/http', '/Common/www', '/Common/shop']
      },
      '/Common/vs-child': {
        destination: `${address}:${child}`,
        profiles: ['/Common/http', '/Common/shop-child']
      },
      '/Team/app/vs-team': {
        destination: `${address}:${team}`,
        profiles: ['/Common/http', '/Team/app/team']
      },
      '/Common/vs-plain': { destination: `${address}:${plain}`, profiles: ['/Common/http'] }
    }
  }
  return {
    seed,
    served: [
      `https://${address}:${www}     /Common/vs-www: www.demo.example (RSA and ECDSA), shop.demo.example`,
      `https://${address}:${child}     /Common/vs-child: what /Common/shop has, by inheritance`,
      `https://${address}:${team}     /Team/app/vs-team: team.demo.example (ECDSA)`,
      `http://${address}:${plain}      /Common/vs-plain: no TLS`
    ]
  }
}

function demoPairs() {
  const root = createAuthority('Demo Root', { key: 'rsa2048' })
  const authority = createAuthority('Demo CA', { key: 'rsa2048', issuer: root })
  const leaf = (name: string, key: 'rsa2048' | 'p256') =>
    createCertificate({ names: [name], organization: 'Demo', key, issuer: authority })
  return {
    authority,
    pairs: {
      '/Common/www-rsa': leaf('www.demo.example', 'rsa2048'),
      '/Common/www-ecdsa': leaf('www.demo.example', 'p256'),
      '/Common/shop': leaf('shop.demo.example', 'rsa2048'),
      '/Team/app/team': leaf('team.demo.example', 'p256')
    }
  }
}
