import { Type, type Static } from 'typebox'
import { checkSettings, type CaSettings } from '../../acme/client/settings.ts'
import { macAlgorithms, signatureAlgorithms } from '../../acme/messages/jws.ts'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'
import type { Secret } from '../../core/secret.ts'
import { SolverSettings } from './solvers/settings.ts'

const closed = { additionalProperties: false } as const
const Name = Type.String({ minLength: 1, maxLength: 200 })
const Pattern = Type.String({
  pattern: '^(\\*|(\\*\\.)?[a-z0-9_-]+(\\.[a-z0-9_-]+)*|[0-9a-f.:]+)$',
  description: '*, *.domain, a host name in lower case, or an address'
})

/** How names of a pattern are proved. */
export const ProofRule = Type.Object(
  {
    /** `example.org`: this name; `*.example.org`: every name below it, and the wildcard; `*`: all */
    names: Type.Array(Pattern, { minItems: 1, maxItems: 1000 }),
    solver: SolverSettings,
    /**
     * for dns-01: where the record goes when _acme-challenge of the name is an alias (CNAME); {name} stands for the name
     */
    record: Type.Optional(
      Type.String({
        pattern: '^(\\{name\\}|[A-Za-z0-9_-]+)(\\.(\\{name\\}|[A-Za-z0-9_-]+))*$',
        description: 'a host name, which may hold {name}'
      })
    )
  },
  closed
)
export type ProofRule = Static<typeof ProofRule>

/** An ACME issuer as it is configured. Secrets are named, and kept elsewhere. */
export const AcmeIssuerSettings = Type.Object(
  {
    directoryUrl: Type.String(),
    /** keys of the account are kept in the key ring as ACCOUNT/1, ACCOUNT/2 …; issuers of one CA may share it */
    account: Type.String({ pattern: '^[A-Za-z0-9._:-]{1,100}$', description: 'letters, digits, . _ : -' }),
    /** PEM of the roots that the TLS certificate of the CA is checked against; default: those that Node brings */
    trustRoots: Type.Optional(Type.String()),
    proxy: Type.Optional(
      Type.Object(
        {
          url: Type.String(),
          user: Type.Optional(Name),
          /** name of the secret */
          password: Type.Optional(Name)
        },
        closed
      )
    ),
    /** what one exchange with the CA may take; default 30 */
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600 })),
    /** of the account key; default ES256 */
    accountKey: Type.Optional(Type.Enum([...signatureAlgorithms])),
    /** e-mail addresses, or URIs */
    contacts: Type.Optional(Type.Array(Name, { maxItems: 10 })),
    /** has a person agreed to the terms of the CA? */
    agreesToTerms: Type.Optional(Type.Boolean()),
    /** external account binding (RFC 8555 §7.3.4) */
    binding: Type.Optional(
      Type.Object(
        {
          keyId: Name,
          /** name of the secret: the MAC key, base64url */
          macKey: Name,
          algorithm: Type.Optional(Type.Enum([...macAlgorithms]))
        },
        closed
      )
    ),
    /** the first rule that fits a name and that the CA offers for it counts */
    proofs: Type.Array(ProofRule, { minItems: 1, maxItems: 100 }),
    /** where a request names none: common name of the root that the chain shall lead to, and profile */
    preferredChain: Type.Optional(Name),
    profile: Type.Optional(Name),
    /** asks for the wanted validity: private CAs take it, public ones refuse the order. Default false */
    asksValidity: Type.Optional(Type.Boolean())
  },
  closed
)
export type AcmeIssuerSettings = Static<typeof AcmeIssuerSettings>

const parse = parser(AcmeIssuerSettings, 'acme-settings')

/**
 * The settings from parsed JSON. Throws a Fault acme-settings that names the field, its value and what is wanted; also
 * for a directory URL, roots or a proxy that cannot be used.
 */
export function readAcmeSettings(value: unknown): AcmeIssuerSettings {
  const settings = parse(value)
  checkSettings(caSettings(settings, null))
  return settings
}

/** How the CA is reached. Fault key-missing when the password of the proxy is not there. */
export function caSettingsOf(
  settings: AcmeIssuerSettings,
  secret: (name: string) => Secret | null
): CaSettings {
  const name = settings.proxy?.password
  return caSettings(settings, name === undefined ? null : neededSecret(name, secret))
}

/** A secret that must be there. Fault key-missing. */
export function neededSecret(name: string, secret: (name: string) => Secret | null): Secret {
  const found = secret(name)
  if (found) return found
  throw new Fault('key-missing', `The secret ${name} is not there. Store it again.`, { key: name })
}

function caSettings(
  { directoryUrl, trustRoots, proxy, timeoutSeconds }: AcmeIssuerSettings,
  password: Secret | null
): CaSettings {
  return {
    directoryUrl,
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
    ...(trustRoots === undefined ? {} : { trustRoots }),
    ...(proxy === undefined
      ? {}
      : {
          proxy: {
            url: proxy.url,
            ...(proxy.user === undefined ? {} : { user: proxy.user }),
            ...(password === null ? {} : { password })
          }
        })
  }
}

/** Contacts as URIs (RFC 8555 §7.3): a bare address becomes mailto:. */
export function contactsOf({ contacts = [] }: AcmeIssuerSettings): string[] {
  return contacts.map((contact) => (/^[a-z][a-z0-9+.-]*:/i.test(contact) ? contact : `mailto:${contact}`))
}
