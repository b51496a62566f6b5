import { IANAZone } from 'luxon'
import { Type, type Static, type TProperties, type TSchema } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { parseHours } from '../../core/hours.ts'
import { parser } from '../../core/schema.ts'
import { visible } from '../../core/text.ts'
import type { KeyType } from '../../pki/private-key.ts'
import type { SubjectFields } from '../../pki/subject.ts'
import { familyOf } from './families.ts'
import type { NameRule } from './policy/names.ts'
import { mostShare, type RenewBefore } from './policy/renewal.ts'
import type { Rollout } from './policy/rollout.ts'
import { windowAt, type Windows } from './policy/windows.ts'

const KeyTypeName = Type.Union(
  (['rsa-2048', 'rsa-3072', 'rsa-4096', 'ec-p256', 'ec-p384'] as const).map((one) => Type.Literal(one))
)
const nullable = <const S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
const closed = <const P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false })
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { minItems: 1, maxItems: 100 })
const Short = Type.String({ minLength: 1, maxLength: 200 })

/** days before the end, and share of the lifetime, at which a certificate can be renewed */
const renewBounds = {
  days: { minimum: 0.01, maximum: 3650 },
  share: { minimum: 0.05, maximum: mostShare }
} as const

/** An automation profile as it is written and kept; {@link readProfile} fills in what is left out. */
export const ProfileText = closed({
  issuer: Short,
  issuerProfile: nullable(Short),
  preferredChain: nullable(Short),
  keyTypes: Type.Array(KeyTypeName, { minItems: 1, maxItems: 2 }),
  subject: closed({
    C: Type.Optional(Short),
    ST: Type.Optional(Short),
    L: Type.Optional(Short),
    O: Type.Optional(Short),
    OU: Type.Optional(Short),
    CN: Type.Optional(Short)
  }),
  validityDays: nullable(Type.Number({ minimum: 0.01, maximum: 3650 })),
  names: Type.Union([
    closed({ rule: Type.Literal('served') }),
    closed({ rule: Type.Literal('exactly'), names: Names }),
    closed({ rule: Type.Literal('served-plus'), names: Names })
  ]),
  keyReuse: Type.Union([Type.Literal('never'), Type.Literal('same-key')]),
  // left out by earlier versions
  keyPlace: Type.Optional(Type.Union([Type.Literal('here'), Type.Literal('device')])),
  renewBefore: nullable(
    Type.Union([
      closed({ days: Type.Number(renewBounds.days) }),
      closed({ share: Type.Number(renewBounds.share) })
    ])
  ),
  renewalInformation: Type.Union([Type.Literal('honoured'), Type.Literal('ignored')]),
  approval: Type.Union([Type.Literal('needed'), Type.Literal('not-needed')]),
  windows: closed({
    hours: nullable(Short),
    repeats: Type.Array(
      closed({ pattern: Short, minutes: Type.Integer({ minimum: 1, maximum: 10_080 }), zone: Short }),
      { maxItems: 20 }
    ),
    blackOuts: Type.Array(closed({ from: Short, to: Short, what: Short }), { maxItems: 100 })
  }),
  rollout: closed({
    canary: Type.Union([Type.Literal('none'), Type.Literal('first'), Type.Literal('standby')]),
    soakMinutes: Type.Number({ minimum: 0, maximum: 20_160 }),
    atOnce: Type.Integer({ minimum: 1, maximum: 100 })
  }),
  keep: closed({
    generations: Type.Integer({ minimum: 0, maximum: 100 }),
    graceHours: Type.Number({ minimum: 0, maximum: 8_760 })
  })
})

/** A profile as it is written: what is left out is usual. */
export type ProfileText = Static<typeof ProfileText>

/** How certificates are asked for, and how they are put in place. */
export interface Profile {
  readonly issuer: string
  readonly issuerProfile: string | null
  readonly preferredChain: string | null
  /** one, or one RSA and one elliptic curve type */
  readonly keyTypes: readonly KeyType[]
  readonly subject: SubjectFields
  readonly validityMs: number | null
  readonly names: NameRule
  readonly keyReuse: 'never' | 'same-key'
  /** where keys are made: here, and put on the devices; or on the one device that each is for, which it never leaves */
  readonly keyPlace: 'here' | 'device'
  readonly renewBefore: RenewBefore
  readonly renewalInformation: 'honoured' | 'ignored'
  readonly approval: 'needed' | 'not-needed'
  readonly windows: Windows
  readonly rollout: Rollout
  /** generations that stay on a device, and how long a replaced one does whatever their number */
  readonly keep: { readonly generations: number; readonly graceMs: number }
}

const usual = {
  issuerProfile: null,
  preferredChain: null,
  keyTypes: ['ec-p256'],
  subject: {},
  validityDays: null,
  names: { rule: 'served' },
  keyReuse: 'never',
  keyPlace: 'here',
  renewBefore: null,
  renewalInformation: 'honoured',
  approval: 'not-needed',
  windows: {},
  rollout: {},
  keep: {}
}
const usualParts = {
  windows: { hours: null, repeats: [], blackOuts: [] },
  rollout: { canary: 'first', soakMinutes: 10, atOnce: 2 },
  keep: { generations: 2, graceHours: 24 }
}

const dayMs = 86_400_000
const parse = parser(ProfileText, 'profile-malformed')

/**
 * The profile as it is kept: whole, with what was left out filled in. `given` is JSON as a person wrote it. Throws
 * Fault profile-malformed or window-malformed, which name the field.
 */
export function wholeProfile(given: unknown): ProfileText {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw malformed('profile', 'it is an object of fields')
  }
  const whole: Record<string, unknown> = { ...usual, ...given }
  for (const [name, part] of Object.entries(usualParts)) {
    if (typeof whole[name] === 'object') whole[name] = { ...part, ...whole[name] }
  }
  // the parts of a union complain of each other
  checkRenewBefore(whole['renewBefore'])
  checkNames(whole['names'])
  const text = parse(whole)
  readProfile(text)
  return text
}

const renewBeforeForms =
  'write days, such as 30, or a share of the lifetime, such as 0.3; null stands for a third'

function checkRenewBefore(given: unknown): void {
  if (given === null) return
  if (typeof given !== 'object' || Array.isArray(given)) throw wrong('renewBefore', given, renewBeforeForms)
  const fields: readonly (readonly [string, unknown])[] = Object.entries(given)
  const [name, value] = fields[0] ?? ['', null]
  if (fields.length !== 1 || (name !== 'days' && name !== 'share')) {
    throw malformed(
      'renewBefore',
      `it has the fields ${Object.keys(given).join(', ') || 'none'}: ${renewBeforeForms}`
    )
  }
  const { minimum, maximum } = renewBounds[name]
  if (typeof value === 'number' && value >= minimum && value <= maximum) return
  const why =
    name === 'days'
      ? ''
      : ': before a third of its lifetime is over no certificate is renewed, since the next one would be due at once as well'
  throw wrong(`renewBefore.${name}`, value, `write ${minimum} to ${maximum}${why}`)
}

function checkNames(given: unknown): void {
  if (typeof given !== 'object' || given === null) return
  const { rule, names } = given as { readonly rule?: unknown; readonly names?: unknown }
  if ((rule === 'exactly' || rule === 'served-plus') && names === undefined) {
    throw malformed(
      'names.names',
      `it is missing, and names.rule ${rule} needs it: write host names, *.domain or IP addresses`
    )
  }
  if (rule === 'served' && names !== undefined) {
    throw malformed('names.names', 'names.rule served takes none: write served-plus to ask for these as well')
  }
}

function wrong(field: string, value: unknown, remedy: string): Fault {
  return malformed(field, `it is ${visible(JSON.stringify(value), 60)}: ${remedy}`)
}

/** A whole profile in the engine's units. Throws Fault profile-malformed or window-malformed. */
export function readProfile(text: ProfileText): Profile {
  const { validityDays, rollout, keep, windows, ...same } = text
  const families = text.keyTypes.map(familyOf)
  if (new Set(families).size < families.length) {
    throw malformed('keyTypes', 'two of them are one RSA and one EC type: a target holds one of each kind')
  }
  const keyPlace = text.keyPlace ?? 'here'
  if (keyPlace === 'device' && text.keyReuse === 'same-key') {
    throw malformed('keyReuse', 'same-key needs keys that are made here: with keyPlace device, write never')
  }
  const read: Profile = {
    ...same,
    keyPlace,
    validityMs: validityDays === null ? null : validityDays * dayMs,
    windows: readWindows(windows),
    rollout: { canary: rollout.canary, soakMs: rollout.soakMinutes * 60_000, atOnce: rollout.atOnce },
    keep: { generations: keep.generations, graceMs: keep.graceHours * 3_600_000 }
  }
  return read
}

function readWindows({ hours, repeats, blackOuts }: ProfileText['windows']): Windows {
  for (const { zone } of repeats) {
    if (!IANAZone.isValidZone(zone)) throw malformed('windows.repeats.zone', `'${zone}' is no IANA zone`)
  }
  const windows: Windows = {
    hours: hours === null ? [] : parseHours(hours),
    repeats,
    blackOuts: blackOuts.map(({ from, to, what }) => ({ from: readTime(from), to: readTime(to), what }))
  }
  try {
    windowAt(windows, 0)
  } catch {
    throw malformed('windows.repeats.pattern', 'it is no cron pattern such as `0 2 * * 6#2`')
  }
  return windows
}

/** RFC 3339 with its zone: a time without one would mean another moment elsewhere */
function readTime(text: string): number {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(time))
    throw malformed('windows.blackOuts', `'${text}' is no time such as 2026-12-20T00:00:00Z`)
  return time
}

function malformed(field: string, problem: string): Fault {
  return new Fault('profile-malformed', `profile ${field}: ${problem}`, { field })
}
