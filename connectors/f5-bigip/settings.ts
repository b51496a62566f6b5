import { isIP } from 'node:net'
import { type Static, Type } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'
import type { Secret } from '../../core/secret.ts'
import type { Access, Json, SecretField } from '../contract.ts'
import type { Place, Trust } from './tls.ts'

const port = (title: string) => Type.Integer({ title, minimum: 1, maximum: 65_535, default: 443 })

/** Settings of a BIG-IP, or of the two units of a pair. */
export const settingsSchema = Type.Object(
  {
    address: Type.String({
      title: 'Address',
      description: 'IP address or name of the management interface.',
      minLength: 1
    }),
    port: Type.Optional(port('HTTPS port')),
    peerAddress: Type.Optional(
      Type.String({
        title: 'Address of the other unit',
        description: 'Management interface of the other unit of a pair; empty: there is none.',
        default: ''
      })
    ),
    peerPort: Type.Optional(port('HTTPS port of the other unit')),
    user: Type.Optional(
      Type.String({ title: 'User', description: 'Login on the BIG-IP.', minLength: 1, default: 'admin' })
    ),
    loginProvider: Type.Optional(
      Type.String({
        title: 'Login provider',
        description: 'tmos: local users, and those of LDAP, RADIUS or TACACS+ that the BIG-IP asks.',
        minLength: 1,
        default: 'tmos'
      })
    ),
    trust: Type.Optional(
      Type.Union([Type.Literal('pin'), Type.Literal('ca')], {
        title: 'Recognised by',
        description:
          'pin: the key that a person accepted; ca: a certificate of an authority, with this name.',
        default: 'pin'
      })
    ),
    authority: Type.Optional(
      Type.String({
        title: 'Authority',
        description: 'PEM of the authority for ca; empty: those that this machine trusts.',
        default: ''
      })
    )
  },
  { additionalProperties: false }
)

/** Settings with every default filled in. */
export type Settings = Required<Static<typeof settingsSchema>>

/** Secrets of a BIG-IP. */
export const secretFields: readonly SecretField[] = [
  { name: 'password', title: 'Password', hint: 'Of the user, the same on both units.', multiline: false },
  {
    name: 'key-passphrase',
    title: 'Passphrase of keys',
    hint: 'Only where a profile has a key with a passphrase, to write it again beside the new pair.',
    multiline: false
  }
]

const check = parser(settingsSchema, 'settings-malformed')

const defaults = {
  port: 443,
  peerAddress: '',
  peerPort: 443,
  user: 'admin',
  loginProvider: 'tmos',
  trust: 'pin',
  authority: ''
} as const

/** Settings as stored, parsed. Throws a Fault settings-malformed. */
export function parseSettings(stored: Json): Settings {
  const settings: Settings = { ...defaults, ...check(stored) }
  checkAddress('address', settings.address)
  if (settings.peerAddress !== '') checkAddress('peerAddress', settings.peerAddress)
  const [first, second] = placesOf(settings)
  if (second && first && nameOfPlace(first) === nameOfPlace(second)) {
    throw wrong('peerAddress', 'is the address of the same unit: give that of the other one')
  }
  if (settings.authority !== '' && !settings.authority.includes('-----BEGIN CERTIFICATE-----')) {
    throw wrong('authority', 'is no PEM certificate')
  }
  return settings
}

// it goes into URLs
function checkAddress(field: string, address: string): void {
  if (isIP(address) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(address)) return
  throw wrong(field, 'is neither an IP address nor a host name')
}

function wrong(field: string, what: string): Fault {
  return new Fault('settings-malformed', `${field} ${what}.`, { field })
}

/** The units, the configured one first. */
export function placesOf({ address, port, peerAddress, peerPort }: Settings): readonly Place[] {
  const first = { address, port }
  return peerAddress === '' ? [first] : [first, { address: peerAddress, port: peerPort }]
}

/** `10.0.0.5:443`, `[2001:db8::5]:443` */
export function nameOfPlace({ address, port }: Place): string {
  return `${isIP(address) === 6 ? `[${address}]` : address}:${port}`
}

/** How units are recognised. */
export function trustOf({ trust, authority }: Settings, { pins }: Pick<Access, 'pins'>): Trust {
  if (trust === 'pin') return { by: 'pin', pins }
  return { by: 'ca', authority: authority === '' ? undefined : authority }
}

/** The password. Throws a Fault settings-malformed when there is none. */
export function passwordOf(access: Pick<Access, 'secret'>): Secret {
  const password = access.secret('password')
  if (password) return password
  throw new Fault('settings-malformed', 'The device has no password: give one.', { field: 'password' })
}
