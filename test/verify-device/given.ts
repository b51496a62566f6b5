import { parseArgs } from 'node:util'
import { settingsOf } from '../../appliance/cli/automation/setting-words.ts'
import { connectors } from '../../connectors/index.ts'
import type { Connector, Json } from '../../connectors/contract.ts'
import { Secret } from '../../core/secret.ts'

/** What is done with a device. */
export type Halves = 'read-only' | 'destructive'

/** What a person asked for, by arguments and environment. */
export interface Given {
  readonly connector: Connector
  readonly settings: Json
  readonly secrets: ReadonlyMap<string, Secret>
  /** undefined: none was named */
  readonly target: string | undefined
  /** fingerprints that a person accepted; `all`: whatever the device shows */
  readonly pins: readonly string[] | 'all'
  readonly halves: Halves
  readonly output: 'table' | 'json'
  /** what tells where the device is, and whose it is: replaced by placeholders, or shown */
  readonly names: 'redacted' | 'shown'
}

/** Asked for something that there is not: the message says what to write instead. */
export class Misused extends Error {
  override readonly name = 'Misused'
}

/** How it is called. */
export const usage = `Usage: npm run verify:device -- CONNECTOR [options]

Holds a device to the contract of connectors, and reports what holds. docs/verify-device.md has it all.

  CONNECTOR        ${connectors.map(({ id }) => id).join(', ')}
  --read-only      changes nothing (default)
  --destructive    replaces the certificate of the target by throw-away ones, and puts it back
  --accept-pins    takes whatever the device shows for its own; else give TLSWARD_DEVICE_PINS
  --json           the report as JSON on standard output
  --redact         addresses, names and objects are replaced by placeholders
  --help

Environment:
  TLSWARD_DEVICE_SETTINGS         settings as a JSON object
  TLSWARD_DEVICE_SETTING_<name>   one setting; entries of a list on lines of their own
  TLSWARD_DEVICE_SECRET_<name>    one credential; - in its name is written _
  TLSWARD_DEVICE_TARGET           the target, as tlsward device discover names it
  TLSWARD_DEVICE_PINS             fingerprints of the device, parted by commas
`

const prefix = 'TLSWARD_DEVICE_'
type Environment = Readonly<Record<string, string | undefined>>

/** Reads what was asked for; undefined: help. Throws {@link Misused}. */
export function readGiven(args: readonly string[], environment: Environment): Given | undefined {
  const { values, positionals } = parsedArguments(args)
  if (values.help) return undefined
  const [id = '', more] = positionals
  const connector = connectors.find((one) => one.id === id)
  const known = connectors.map((one) => one.id).join(', ')
  if (!connector) throw new Misused(`connector '${id}': write one of ${known}`)
  if (more !== undefined)
    throw new Misused(`'${more}': only the connector is a word; settings are given by environment`)
  if (values.destructive && values['read-only'])
    throw new Misused('--destructive begins with the read-only half: leave --read-only out')
  checkNames(connector, environment)
  const target = environment[`${prefix}TARGET`]
  if (values.destructive && !target)
    throw new Misused(
      `--destructive needs ${prefix}TARGET: name the target whose certificate may be replaced`
    )
  const pins = (environment[`${prefix}PINS`] ?? '').split(/[\s,]+/).filter((one) => one !== '')
  return {
    connector,
    settings: settingsFrom(connector, environment),
    secrets: secretsFrom(connector, environment),
    target: target || undefined,
    pins: values['accept-pins'] ? 'all' : pins,
    halves: values.destructive ? 'destructive' : 'read-only',
    output: values.json ? 'json' : 'table',
    names: values.redact ? 'redacted' : 'shown'
  }
}

const flag = { type: 'boolean', default: false } as const

function parsedArguments(args: readonly string[]) {
  const options = {
    'read-only': flag,
    destructive: flag,
    'accept-pins': flag,
    json: flag,
    redact: flag,
    help: flag
  }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (thrown) {
    throw new Misused(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

const variableOf = (name: string) => name.replaceAll('-', '_')

/** a name that is misspelt would be left out without a word */
function checkNames({ settings, secrets }: Connector, environment: Environment): void {
  const known = [
    'SETTINGS',
    'TARGET',
    'PINS',
    ...Object.keys(settings.properties).map((name) => `SETTING_${name}`),
    ...secrets.map(({ name }) => `SECRET_${variableOf(name)}`)
  ].map((name) => prefix + name)
  const unknown = Object.keys(environment).find((name) => name.startsWith(prefix) && !known.includes(name))
  if (unknown !== undefined) throw new Misused(`${unknown} is none of ${known.join(', ')}`)
}

function settingsFrom({ settings, secrets }: Connector, environment: Environment): Json {
  const words = Object.keys(settings.properties).flatMap((name) => {
    const value = environment[`${prefix}SETTING_${name}`]
    return value === undefined ? [] : value.split('\n').map((line) => `${name}=${line}`)
  })
  const form = { schema: settings, secrets: secrets.map(({ name }) => name), lists: 'whole' } as const
  const text = environment[`${prefix}SETTINGS`] ?? '{}'
  let base: unknown
  try {
    base = JSON.parse(text)
  } catch (thrown) {
    throw new Misused(
      `${prefix}SETTINGS is no JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`
    )
  }
  return settingsOf(words, form, base) as Json
}

function secretsFrom({ secrets }: Connector, environment: Environment): ReadonlyMap<string, Secret> {
  return new Map(
    secrets.flatMap(({ name, multiline }) => {
      const value = environment[`${prefix}SECRET_${variableOf(name)}`]
      if (value === undefined || value === '') return []
      // a shell takes the last line end away, which keys need
      return [[name, new Secret(multiline ? `${value.trimEnd()}\n` : value)] as const]
    })
  )
}
