import type { JsonObject } from './json.ts'

/**
 * What /Common/clientssl says, from which every client-ssl profile descends, as version 13 writes it, with
 * what later versions added. TLS 1.3 is on, otherwise than on a new device: see README.md.
 */
export const clientSslDefaults: JsonObject = {
  alertTimeout: 'indefinite',
  allowDynamicRecordSizing: 'disabled',
  allowExpiredCrl: 'disabled',
  allowNonSsl: 'disabled',
  authenticate: 'once',
  authenticateDepth: 9,
  bypassOnClientCertFail: 'disabled',
  bypassOnHandshakeAlert: 'disabled',
  c3dClientFallbackCert: 'none',
  c3dDropUnknownOcspStatus: 'drop',
  c3dOcsp: 'none',
  caFile: 'none',
  cacheSize: 262_144,
  cacheTimeout: 3600,
  certExtensionIncludes: ['basic-constraints', 'subject-alternative-name'],
  certLifespan: 30,
  certLookupByIpaddrPort: 'disabled',
  cipherGroup: 'none',
  ciphers: 'DEFAULT',
  clientCertCa: 'none',
  crlFile: 'none',
  data0rtt: 'disabled',
  description: 'none',
  destinationIpBlacklist: 'none',
  destinationIpWhitelist: 'none',
  forwardProxyBypassDefaultAction: 'intercept',
  genericAlert: 'enabled',
  handshakeTimeout: '10',
  helloExtensionIncludes: [],
  hostnameBlacklist: 'none',
  hostnameWhitelist: 'none',
  logPublisher: '/Common/sys-ssl-publisher',
  maxActiveHandshakes: 'indefinite',
  maxAggregateRenegotiationPerMinute: 'indefinite',
  maxRenegotiationsPerMinute: 5,
  maximumRecordSize: 16_384,
  modSslMethods: 'disabled',
  mode: 'enabled',
  notifyCertStatusToVirtualServer: 'disabled',
  ocspStapling: 'disabled',
  peerCertMode: 'ignore',
  peerNoRenegotiateTimeout: '10',
  proxyCaCert: 'none',
  proxyCaKey: 'none',
  proxySsl: 'disabled',
  proxySslPassthrough: 'disabled',
  renegotiateMaxRecordDelay: 'indefinite',
  renegotiatePeriod: 'indefinite',
  renegotiateSize: 'indefinite',
  renegotiation: 'enabled',
  retainCertificate: 'true',
  secureRenegotiation: 'require',
  serverName: 'none',
  sessionMirroring: 'disabled',
  sessionTicket: 'disabled',
  sessionTicketTimeout: 0,
  sniDefault: 'false',
  sniRequire: 'false',
  sourceIpBlacklist: 'none',
  sourceIpWhitelist: 'none',
  sslC3d: 'disabled',
  sslForwardProxy: 'disabled',
  sslForwardProxyBypass: 'disabled',
  sslForwardProxyVerifiedHandshake: 'disabled',
  sslSignHash: 'any',
  strictResume: 'disabled',
  tmOptions: ['dont-insert-empty-fragments'],
  uncleanShutdown: 'enabled'
}

/** Settings that a child does not take from its parent: they say which of several profiles is meant. */
export const notInherited: readonly string[] = ['description']

/** Properties that may be written beside the settings. */
export const pairProperties = ['certKeyChain', 'cert', 'key', 'chain', 'passphrase'] as const

/** Settings that are given, but not shown back. */
export const writeOnly: readonly string[] = ['proxyCaPassphrase']
