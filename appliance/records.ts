import { Type, type Static } from 'typebox'
import { changedFields } from '../sensor/inventory/diff.ts'
import { outcomes } from '../sensor/scan/observation.ts'
import { automationRecords } from './automation-records.ts'
import { count, type Fixed, fingerprint, nullable, options, record, text, time } from './record-schemas.ts'

export const Severity = Type.Enum(['critical', 'warning', 'note'], { description: 'how bad it is' })
export type Severity = Static<typeof Severity>

export const Finding = Type.Object(
  {
    code: text('what is wrong or due, a word of docs/findings.md'),
    severity: Severity,
    reason: text('why, with the figures'),
    remedy: text('what to do'),
    since: time('since when it holds'),
    certificate: nullable(fingerprint('the certificate it is about, or null when it is about the endpoint'))
  },
  options
)
export type Finding = Fixed<Static<typeof Finding>>

/** A certificate in short, as an endpoint shows it. */
export const Leaf = Type.Object(
  {
    fingerprint: fingerprint('SHA-256 of the DER'),
    label: text('what people call it: its common name, else its first name, else its subject'),
    issuer: text('distinguished name of the issuer, RFC 4514'),
    notBefore: time('valid from'),
    notAfter: time('valid until'),
    keyType: text('RSA, ECDSA, Ed25519, Ed448, DSA or other'),
    keyBits: count('size of the key in bits'),
    curve: nullable(text('curve of an ECDSA key'))
  },
  options
)
export type Leaf = Fixed<Static<typeof Leaf>>

const outcomeWords = [...(Object.keys(outcomes) as (keyof typeof outcomes)[]), 'not-seen'] as const
const Outcome = Type.Enum(outcomeWords, {
  description:
    'how the last probe ended, a word of docs/scan.md; not-seen: the scan that looked there heard nothing of it'
})

const place = {
  address: text('IP address, canonical text'),
  port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'TCP port' }),
  name: nullable(text('server name that was sent (SNI), or null for none'))
}

const answer = {
  starttls: nullable(text('protocol that began in the clear and switched to TLS')),
  version: nullable(text('TLS version that the server chose, e.g. TLS 1.3')),
  cipher: nullable(text('cipher suite that the server chose')),
  clientCertificate: nullable(Type.Boolean({ description: 'does the server ask for a client certificate' })),
  certificates: Type.Array(Leaf, { description: 'the leaf of each chain served: one, or one per key type' })
}

export const Endpoint = record('endpoint', 'One place that answers TLS', {
  ...place,
  outcome: Outcome,
  state: Type.Enum(['present', 'gone'], {
    description: 'gone: the last scan that looked here did not find it'
  }),
  ...answer,
  findings: Type.Array(Finding, { description: 'what holds now, worst first' }),
  owner: nullable(text('who answers for it')),
  tags: Type.Array(Type.String(), { description: 'tags, in order of the alphabet' }),
  firstSeen: time('seen first'),
  lastSeen: time('seen last')
})
export type Endpoint = Fixed<Static<typeof Endpoint>>

export const Revocation = record(
  'revocation',
  'What is known of the revocation of a certificate (--revocation)',
  {
    fingerprint: fingerprint('SHA-256 of the certificate'),
    label: text('what people call it'),
    at: time('asked'),
    outcome: Type.Enum(
      ['good', 'revoked', 'unknown', 'unavailable', 'not-asked', 'none-named', 'no-issuer'],
      {
        description:
          'what came of asking; no-issuer: the server does not send the certificate that signs the answer'
      }
    ),
    by: nullable(Type.Enum(['ocsp', 'crl'], { description: 'by what' })),
    url: nullable(text('where')),
    thisUpdate: nullable(time('the answer is of')),
    nextUpdate: nullable(time('it holds until')),
    revokedAt: nullable(time('revoked')),
    reason: nullable(text('why, a reason of RFC 5280')),
    attempts: Type.Array(
      Type.Object(
        {
          by: text('ocsp or crl'),
          url: text('where'),
          why: text('what went wrong'),
          detail: text('in words')
        },
        options
      ),
      { description: 'places that were asked in vain' }
    )
  }
)
export type Revocation = Fixed<Static<typeof Revocation>>

export const Certificate = record('certificate', 'One X.509 certificate', {
  ...Leaf.properties,
  serial: text('serial number, lower-case hex'),
  subject: text('distinguished name, RFC 4514'),
  commonName: nullable(text('first common name of the subject')),
  dnsNames: Type.Array(Type.String(), { description: 'DNS names of subjectAltName' }),
  ipAddresses: Type.Array(Type.String(), { description: 'IP addresses of subjectAltName' }),
  emails: Type.Array(Type.String(), { description: 'e-mail addresses of subjectAltName' }),
  uris: Type.Array(Type.String(), { description: 'URIs of subjectAltName' }),
  signatureAlgorithm: text('e.g. RSA-SHA256'),
  spki: fingerprint('SHA-256 of the SubjectPublicKeyInfo'),
  subjectKeyId: nullable(text('subject key identifier, hex')),
  authorityKeyId: nullable(text('authority key identifier, hex')),
  isCa: Type.Boolean({ description: 'basicConstraints cA' }),
  keyUsage: nullable(Type.Array(Type.String())),
  extendedKeyUsage: nullable(Type.Array(Type.String())),
  ocspUrls: Type.Array(Type.String(), { description: 'where its status can be asked' }),
  crlUrls: Type.Array(Type.String(), { description: 'where its revocation list is' }),
  issuerUrls: Type.Array(Type.String(), { description: "where its issuer's certificate is" }),
  selfIssued: Type.Boolean({ description: 'issuer and subject are the same name' }),
  extensions: Type.Array(
    Type.Object(
      {
        oid: text('dotted object identifier'),
        name: nullable(text('its name, where it is known')),
        critical: Type.Boolean({ description: 'must it be understood' }),
        text: text('its value on one line')
      },
      options
    ),
    { description: 'in the order of the certificate' }
  ),
  pem: text('the certificate itself'),
  inventory: nullable(
    Type.Object(
      {
        trust: nullable(
          Type.Enum(['public', 'private'], {
            description: 'who vouches for it: a root of the system, a root of one’s own, or nobody'
          })
        ),
        findings: Type.Array(Finding, { description: 'what holds now, worst first' }),
        endpoints: Type.Array(Type.Object(place, options), {
          description: 'where it is served, at most 100'
        }),
        endpointCount: count('number of endpoints that serve it'),
        revocation: nullable(Revocation)
      },
      { ...options, description: 'what the inventory knows of it; null for a certificate from a file' }
    )
  )
})
export type Certificate = Fixed<Static<typeof Certificate>>

export const Scan = record('scan', 'One scan', {
  id: count('number of the scan'),
  parent: nullable(
    count(
      'the scan that found TLS where this one asked for names, both are one for diff; null: it is none for names'
    )
  ),
  state: Type.Enum(['running', 'finished', 'stopped', 'interrupted'], {
    description: 'interrupted: its process ended without a word'
  }),
  scope: text('what was scanned, as it was asked for'),
  startedAt: time('started'),
  endedAt: nullable(time('ended')),
  size: count('pairs of address and port to probe'),
  done: count('pairs that are probed and stored'),
  connections: count('connections that were made'),
  outcomes: Type.Record(Type.String(), count('probes that ended so')),
  endpoints: count('endpoints that answered'),
  certificates: count('certificates that were not known before'),
  appeared: count('endpoints seen for the first time'),
  changed: count('endpoints that answered differently than before'),
  gone: count('endpoints known before that no longer answer'),
  returned: count('endpoints that were gone and answer again')
})
export type Scan = Fixed<Static<typeof Scan>>

const Standing = Type.Object(
  {
    state: Type.Enum(['present', 'gone'], { description: 'was it there; what is gone shows nothing' }),
    outcome: Outcome,
    ...answer,
    alert: nullable(
      Type.Integer({ minimum: 0, description: 'number of the alert that refused, RFC 8446 §6' })
    ),
    chains: Type.Array(fingerprint('what identifies a chain with its order'), {
      description: 'what identifies each chain served: the SHA-256 of its certificates one after the other'
    })
  },
  options
)

export const Change = record('change', 'One difference that scans saw', {
  change: Type.Enum(['new', 'changed', 'gone', 'returned'], {
    description: 'what happened; returned: it was gone'
  }),
  ...place,
  before: nullable(Standing),
  after: Standing,
  fields: Type.Array(Type.Enum(changedFields), {
    description: `what differs in what is shown, of ${changedFields.join(', ')}; returned: from what it showed before it went; nothing for new and gone`
  })
})
export type Change = Fixed<Static<typeof Change>>

export const Schedule = record('schedule', 'A scan that is to be made again and again', {
  name: text('its name'),
  targets: Type.Array(Type.String(), { description: 'as for tlsward scan' }),
  ports: text('ports as written'),
  every: text('how often, e.g. 1d'),
  window: nullable(text('hours in which it may run')),
  pace: Type.Record(Type.String(), Type.Integer(), {
    description: 'limits of pace that differ from the defaults'
  }),
  createdAt: time('created')
})
export type Schedule = Fixed<Static<typeof Schedule>>

export const Summary = record('summary', 'Figures of everything that a query of the inventory means', {
  endpoints: count('endpoints that match'),
  certificates: count('certificates that they show as their own'),
  attention: count('endpoints among them with a critical finding or a warning'),
  critical: count('endpoints among them with a critical finding'),
  warning: count('endpoints among them with a warning'),
  note: count('endpoints among them with a note'),
  next: nullable(text('where the next page begins: give it to --after'))
})
export type Summary = Fixed<Static<typeof Summary>>

const names = (description: string) => Type.Array(Type.String(), { description })
const flag = (description: string) => nullable(Type.Boolean({ description }))
const size = (description: string) => nullable(Type.Integer({ minimum: 0, description }))

export const Deep = record('deep', 'What a deeper look at an endpoint (--deep) showed; null: not known', {
  ...place,
  at: time('looked'),
  stopped: nullable(
    text('why not everything was asked: connections, time, aborted, unreachable, no-starttls, local')
  ),
  cost: Type.Object(
    {
      connections: count('connections made'),
      sentBytes: count('bytes sent above TCP'),
      receivedBytes: count('bytes received above TCP'),
      ms: Type.Number({ minimum: 0, description: 'milliseconds from the first connection to the end' })
    },
    options
  ),
  versions: Type.Array(
    Type.Object(
      {
        version: text('e.g. TLS 1.2'),
        accepted: Type.Boolean({ description: 'does the server speak it' }),
        suites: names('cipher suites accepted, in the order in which the server chose them'),
        order: nullable(Type.Enum(['server', 'client'], { description: 'whose preference decides' })),
        complete: Type.Boolean({ description: 'was everything asked' })
      },
      options
    ),
    { description: 'versions that were asked for, newest first' }
  ),
  groups: Type.Object(
    { tls13: nullable(names('groups of TLS 1.3')), ecdhe: nullable(names('curves of TLS 1.2 and before')) },
    options
  ),
  diffieHellman: Type.Object(
    { bits: size('size of the prime of DHE'), exportBits: size('size of that of its export suites') },
    options
  ),
  alpn: nullable(names('application protocols accepted')),
  stapling: flag('does the server staple an OCSP response'),
  tickets: Type.Object(
    { tls12: flag('session tickets, RFC 5077'), tls13: flag('session tickets, RFC 8446') },
    options
  ),
  secureRenegotiation: flag('RFC 5746'),
  extendedMasterSecret: flag('RFC 7627'),
  compression: flag('does the server compress'),
  fallbackScsv: flag('RFC 7507'),
  heartbeat: flag('RFC 6520'),
  http: nullable(
    Type.Object(
      {
        status: Type.Integer({ description: 'of the answer to HEAD /' }),
        server: nullable(text('Server header'))
      },
      options
    )
  ),
  weaknesses: Type.Array(
    Type.Object(
      {
        code: text('e.g. poodle'),
        severity: Severity,
        reason: text('what was seen'),
        remedy: text('what to do')
      },
      options
    ),
    { description: 'weaknesses that this shows; none was tried out' }
  )
})
export type Deep = Fixed<Static<typeof Deep>>

export const Ssh = record('ssh', 'Host keys of an SSH server that the scan met (--ssh)', {
  address: place.address,
  port: place.port,
  at: time('looked'),
  outcome: text('keys, no-keys, not-ssh, stalled, closed, silent, unreachable, aborted, not-asked'),
  banner: nullable(text('identification of the server')),
  keys: Type.Array(
    Type.Object(
      {
        type: text('e.g. ssh-ed25519'),
        bits: size('length of the key'),
        fingerprint: text('as OpenSSH writes it, SHA256:…')
      },
      options
    ),
    { description: 'its host keys, one for each type' }
  ),
  connections: count('connections made')
})
export type Ssh = Fixed<Static<typeof Ssh>>

export const KeptLook = record('look', 'What a closer look showed, as it is kept (tlsward endpoint show)', {
  look: Type.Enum(['deep', 'ssh', 'revocation'], { description: 'by what' }),
  latest: Type.Boolean({ description: 'false: it is the one before, which said otherwise' }),
  since: time('said the same first'),
  scan: Type.Integer({ minimum: 1, description: 'the last scan by which it was seen' }),
  report: Type.Union([Deep, Ssh, Revocation], {
    description: 'the record of its kind, as --json of the scan'
  })
})
export type KeptLook = Fixed<Static<typeof KeptLook>>

/**
 * What the functions of the appliance give back, as plain JSON data: the CLI prints these records line by line
 * with --json, docs/json.md is generated from them, and a test holds the output against them. A change that a
 * reader of the old form could trip over raises the version in {@link file://./schema-version.ts}.
 */
export const records = [
  Endpoint,
  Certificate,
  Scan,
  Change,
  Schedule,
  Summary,
  Deep,
  Ssh,
  Revocation,
  KeptLook,
  ...automationRecords
] as const
