import { type Static, Type } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'
import type { Access, Json, SecretField } from '../contract.ts'
import type { SshLogin, SshPlace, SshRoute } from '../shared/ssh-login.ts'
import { type FilesEntry, parseFilesEntry } from './plain-files.ts'

const port = (title: string) => Type.Integer({ title, minimum: 1, maximum: 65_535, default: 22 })
const auth = (title: string) =>
  Type.Union([Type.Literal('key'), Type.Literal('password')], { title, default: 'key' })

/** Settings of a host. */
export const settingsSchema = Type.Object(
  {
    place: Type.Optional(
      Type.Union([Type.Literal('ssh'), Type.Literal('local')], {
        title: 'Where the host is',
        description: 'ssh: another host; local: the machine that Tlsward runs on.',
        default: 'ssh'
      })
    ),
    address: Type.Optional(
      Type.String({
        title: 'Address',
        description: 'IP address or name of the host.',
        default: ''
      })
    ),
    port: Type.Optional(port('SSH port')),
    user: Type.Optional(Type.String({ title: 'User', description: 'Login on the host.', default: 'root' })),
    auth: Type.Optional(auth('Sign in by')),
    jumpAddress: Type.Optional(
      Type.String({
        title: 'Jump host',
        description: 'SSH server to go through; empty: none.',
        default: ''
      })
    ),
    jumpPort: Type.Optional(port('SSH port of the jump host')),
    jumpUser: Type.Optional(Type.String({ title: 'User on the jump host', default: '' })),
    jumpAuth: Type.Optional(auth('Sign in at the jump host by')),
    oldAlgorithms: Type.Optional(
      Type.Boolean({
        title: 'Allow old SSH algorithms',
        description: 'SHA-1 key exchange and ssh-rsa host keys, for servers of before 2015.',
        default: false
      })
    ),
    sudo: Type.Optional(
      Type.Union([Type.Literal('no'), Type.Literal('commands'), Type.Literal('everything')], {
        title: 'sudo',
        description:
          'commands: only to test and reload, by exact rules, while the login owns the certificate files; everything: also for files, when the login may run anything.',
        default: 'no'
      })
    ),
    addresses: Type.Optional(
      Type.Array(Type.String(), {
        title: 'Addresses of the host',
        description: 'What a listener on all addresses stands for; empty: the address above.',
        default: []
      })
    ),
    programs: Type.Optional(
      Type.Array(Type.Union([Type.Literal('nginx'), Type.Literal('haproxy'), Type.Literal('apache')]), {
        title: 'Programs to look for',
        default: ['nginx', 'haproxy', 'apache']
      })
    ),
    configs: Type.Optional(
      Type.Array(Type.String({ pattern: '^/' }), {
        title: 'Only these configurations',
        description: 'Main configuration files; empty: of every such program that runs.',
        default: []
      })
    ),
    programAccounts: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9_.@-]*\\$?$' }), {
        title: 'Accounts whose programs are used',
        description:
          'Besides root and the login; names or user ids. Who has such an account can do what the login may: its configurations are loaded by the login.',
        default: []
      })
    ),
    generations: Type.Optional(
      Type.String({
        title: 'Directory for generations',
        description:
          'Where certificates of several generations lie, absolute; empty: .tlsward beside the private key.',
        pattern: '^(/.*)?$',
        default: ''
      })
    ),
    haproxySockets: Type.Optional(
      Type.Array(Type.String({ pattern: '^/' }), {
        title: 'HAProxy sockets',
        description: 'Stats sockets with level admin; empty: those of its configuration.',
        default: []
      })
    ),
    haproxySwitch: Type.Optional(
      Type.Union([Type.Literal('runtime'), Type.Literal('reload')], {
        title: 'How HAProxy gets a certificate',
        description: 'runtime: by its socket, without a reload, where that can be; reload: always by reload.',
        default: 'runtime'
      })
    ),
    files: Type.Optional(
      Type.Array(Type.String(), {
        title: 'Files of other programs',
        description:
          'One for each certificate: name=postfix cert=/etc/postfix/mail.crt key=/etc/postfix/mail.key reload="/usr/sbin/postfix reload" served=mail.example:25/smtp',
        default: []
      })
    )
  },
  { additionalProperties: false }
)

/** Settings with every default filled in. */
export type Settings = Required<Static<typeof settingsSchema>> & { readonly entries: readonly FilesEntry[] }

/** Secrets of a host. */
export const secretFields: readonly SecretField[] = [
  field('password', 'Password', 'To sign in by password.'),
  field('key', 'Private key', 'To sign in by key: PEM or OpenSSH format.', 'lines'),
  field('passphrase', 'Passphrase of the private key', 'Empty when the key has none.'),
  field('sudo-password', 'Password for sudo', 'Only where sudo asks for one.'),
  field('jump-password', 'Password at the jump host', 'Empty: that of the host.'),
  field('jump-key', 'Private key for the jump host', 'Empty: that of the host.', 'lines'),
  field('jump-passphrase', 'Passphrase of that key', 'Empty when the key has none.')
]

function field(name: string, title: string, hint: string, form: 'line' | 'lines' = 'line'): SecretField {
  return { name, title, hint, multiline: form === 'lines' }
}

const check = parser(settingsSchema, 'settings-malformed')

/** Settings as stored, parsed. Throws a Fault settings-malformed. */
export function parseSettings(stored: Json): Settings {
  const given = check(stored)
  const settings = { ...defaults(), ...given }
  if (settings.place === 'ssh' && settings.address === '') {
    throw new Fault('settings-malformed', 'address is empty: give the IP address or name of the host.', {
      field: 'address'
    })
  }
  if (settings.user === '')
    throw new Fault('settings-malformed', 'user is empty: give a login.', { field: 'user' })
  return { ...settings, entries: settings.files.map(parseFilesEntry) }
}

function defaults(): Required<Static<typeof settingsSchema>> {
  return Object.fromEntries(
    Object.entries(settingsSchema.properties as Readonly<Record<string, { readonly default?: unknown }>>).map(
      ([name, property]) => [name, property.default]
    )
  ) as Required<Static<typeof settingsSchema>>
}

/** Addresses that a listener on all of them stands for. */
export function addressesOf({ addresses, address, place }: Settings): readonly string[] {
  if (addresses.length > 0) return addresses
  return [place === 'local' || address === '' ? '127.0.0.1' : address]
}

/** The way to a host, with its credentials. Throws a Fault settings-malformed when one is missing. */
export function routeOf(settings: Settings, access: Access): SshRoute {
  const { server, jump } = placesOf(settings, access)
  return { server: { ...server, user: settings.user, by: credential(access, settings.auth, ['']) }, jump }
}

/** The way to a host; a credential is only looked for when a jump host is signed in at. */
export function placesOf(settings: Settings, access: Access): SshRoute<SshPlace> {
  const { address, port, oldAlgorithms, jumpAddress, jumpPort } = settings
  const server = { address, port, oldAlgorithms }
  if (jumpAddress === '') return { server, jump: undefined }
  const jump = { address: jumpAddress, port: jumpPort, oldAlgorithms }
  const login = () => ({
    ...jump,
    user: settings.jumpUser || settings.user,
    by: credential(access, settings.jumpAuth, ['jump-', ''])
  })
  return { server, jump: { ...jump, login } }
}

function credential(access: Access, way: 'key' | 'password', prefixes: readonly string[]): SshLogin['by'] {
  for (const prefix of prefixes) {
    const secret = access.secret(`${prefix}${way}`)
    if (!secret) continue
    if (way === 'password') return { way, password: secret }
    return { way, key: secret, passphrase: access.secret(`${prefix}passphrase`) }
  }
  throw new Fault(
    'settings-malformed',
    `The device has no ${way}: give one, or choose the other way to sign in.`,
    {
      field: way
    }
  )
}
