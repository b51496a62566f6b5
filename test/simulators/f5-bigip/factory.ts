import { createAuthority, createCertificate, pemOf } from '../../peers/certificates.ts'
import { clientSslDefaults } from './client-ssl-defaults.ts'
import { clientSslRoot } from './client-ssl.ts'
import type { CertFile, ClientSsl, Configuration, KeyFile } from './configuration.ts'
import type { JsonObject } from './json.ts'
import { partsOf } from './names.ts'
import { builtInProfiles } from './other-profiles.ts'

/** A new unit: its default certificate, a bundle of authorities, and the profiles that come with it. */
export function factoryConfiguration(now: number): Configuration {
  const common = '/Common'
  const description = 'Repository for system objects and shared objects.'
  return {
    generation: 1,
    partitions: { [common]: { fullPath: common, generation: 1, defaultRouteDomain: 0, description } },
    folders: {},
    ...files(now),
    csrs: {},
    clientSsl: byPath(clientSslProfiles()),
    profiles: byPath(
      builtInProfiles.map(([fullPath, type]) => ({
        fullPath,
        generation: 1,
        type,
        defaultsFrom: null,
        settings: {}
      }))
    ),
    virtuals: {},
    httpd: webServer
  }
}

const webServer: JsonObject = {
  sslCertfile: '/etc/httpd/conf/ssl.crt/server.crt',
  sslCertkeyfile: '/etc/httpd/conf/ssl.key/server.key',
  sslPort: 443,
  sslProtocol: 'all -SSLv2 -SSLv3 -TLSv1'
}

function byPath<T extends { readonly fullPath: string }>(objects: readonly T[]): Record<string, T> {
  return Object.fromEntries(objects.map((one) => [one.fullPath, one]))
}

function files(now: number): Pick<Configuration, 'certs' | 'keys'> {
  const own = createCertificate({ commonName: 'localhost.localdomain', key: 'rsa2048' })
  const authorities = ['Example Root R1', 'Example Root X2'].map((name) => createAuthority(name))
  const time = `${new Date(now).toISOString().slice(0, 19)}Z`
  const file = (fullPath: string, content: string) => ({
    fullPath,
    generation: 1,
    content,
    sourcePath: `/config/ssl/${fullPath.endsWith('.key') ? 'ssl.key' : 'ssl.crt'}/${partsOf(fullPath).name}`,
    createTime: time,
    createdBy: 'root',
    lastUpdateTime: time,
    updatedBy: 'root',
    revision: 1
  })
  const cert = (fullPath: string, content: string): CertFile => ({
    ...file(fullPath, content),
    issuerCert: null,
    certValidationOptions: []
  })
  const key: KeyFile = {
    ...file('/Common/default.key', own.keyPem),
    passphrase: null,
    securityType: 'normal'
  }
  return {
    certs: byPath([cert('/Common/ca-bundle.crt', pemOf(authorities)), cert('/Common/default.crt', own.pem)]),
    keys: byPath([key])
  }
}

function clientSslProfiles(): ClientSsl[] {
  const child = {
    generation: 1,
    certKeyChain: null,
    settings: {},
    appService: null,
    defaultsFrom: clientSslRoot
  }
  const pair = {
    name: 'default',
    cert: '/Common/default.crt',
    key: '/Common/default.key',
    chain: null,
    passphrase: null
  }
  const settings = {
    ciphers: 'ecdhe:rsa:!sslv3:!rc4:!exp:!des',
    tmOptions: clientSslDefaults['tmOptions'] ?? []
  }
  return [
    { ...child, fullPath: clientSslRoot, defaultsFrom: null, certKeyChain: [pair] },
    { ...child, fullPath: '/Common/clientssl-secure', settings },
    { ...child, fullPath: '/Common/wom-default-clientssl' }
  ]
}
