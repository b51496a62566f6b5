import { Type, type Static, type TSchema } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'

/**
 * What a callback is for: `asks` for a yes or no (anything else is a no), `tells` each thing, `shows` the latest thing
 * and may leave one out while the peer does not read; `may-tell` is left out where nobody wants it. `lags` says whether
 * the peer takes less than it is told, and is answered here.
 */
export type CallbackKind = 'asks' | 'tells' | 'shows' | 'may-tell' | 'lags'

/** A value, of JSON. */
export interface ValueArgument<T> {
  readonly takes: 'value'
  readonly name: string
  /** throws socket-malformed */
  readonly parse: (value: unknown) => T
}

/** What wants to be called back: an object of functions. Those that the peer does not have do nothing. */
export interface CallbacksArgument<Name extends string> {
  readonly takes: 'callbacks'
  readonly name: string
  readonly kinds: { readonly [K in Name]: CallbackKind }
}

/** The signal that a call is not wanted any more. */
export interface SignalArgument {
  readonly takes: 'signal'
}

/** One argument of a served function. */
export type Argument = ValueArgument<unknown> | CallbacksArgument<string> | SignalArgument

type Callbacks = Readonly<Record<string, (...args: unknown[]) => unknown>>

type ArgumentFor<T> = [T] extends [AbortSignal]
  ? SignalArgument
  : [T] extends [object]
    ? T[keyof T] extends ((...args: never[]) => unknown) | undefined
      ? [T] extends [readonly unknown[]]
        ? ValueArgument<T>
        : CallbacksArgument<keyof T & string>
      : ValueArgument<T>
    : ValueArgument<T>

/** What each function takes, in order: checked by the compiler against the functions themselves. */
export type Takings<F> = {
  readonly [K in keyof F]: F[K] extends (...args: infer P) => unknown
    ? { readonly [I in keyof P]-?: ArgumentFor<Exclude<P[I], undefined>> }
    : never
}

/** A value of a schema. The parser is made when it is needed first. */
export function value<const S extends TSchema>(name: string, schema: S): ValueArgument<Static<S>> {
  let parse: ((given: unknown) => Readonly<Record<string, unknown>>) | undefined
  return {
    takes: 'value',
    name,
    parse(given) {
      // the name of the argument is the first part of the field that a fault names
      parse ??= parser(Type.Object({ [name]: schema }), 'socket-malformed')
      return parse({ [name]: given })[name] as Static<S>
    }
  }
}

/** Functions that are called back. */
export function callbacks<const Name extends string>(
  name: string,
  kinds: { readonly [K in Name]: CallbackKind }
): CallbacksArgument<Name> {
  return { takes: 'callbacks', name, kinds }
}

/** The signal of a call. */
export const signal: SignalArgument = { takes: 'signal' }

/** What a call gives back to its caller while it is under way. */
export interface Caller {
  readonly signal: AbortSignal
  /** asks a question; resolves with what came back, undefined when nothing will */
  ask(name: string, args: readonly unknown[]): Promise<unknown>
  tell(name: string, args: readonly unknown[]): void
  isBehind(): boolean
}

/** The arguments of a call as the function takes them. Throws socket-malformed, which names the argument and field. */
export function readArguments(
  taken: readonly Argument[],
  given: readonly unknown[],
  caller: Caller
): unknown[] {
  if (given.length > taken.length) {
    const message = `${given.length} arguments were given, wanted ${taken.length}`
    throw new Fault('socket-malformed', message, { field: 'arguments' })
  }
  return taken.map((one, at) => {
    if (one.takes === 'signal') return caller.signal
    if (one.takes === 'value') return one.parse(given[at])
    return functionsOf(one, offered(one.name, given[at]), caller)
  })
}

const functionNames = Type.Optional(Type.Array(Type.String(), { maxItems: 100 }))
const parseOffer = parser(
  Type.Union([Type.Null(), Type.Object({ $functions: functionNames })]),
  'socket-malformed'
)

/** the names of functions that the caller has; none is as good */
function offered(name: string, given: unknown): ReadonlySet<string> {
  try {
    return new Set(parseOffer(given ?? null)?.$functions)
  } catch (thrown) {
    const message = `${name} is not an object of functions`
    throw new Fault('socket-malformed', message, { field: name }, thrown)
  }
}

function functionsOf(
  { kinds }: CallbacksArgument<string>,
  has: ReadonlySet<string>,
  caller: Caller
): Callbacks {
  const entries = Object.entries(kinds).flatMap(([name, kind]) => {
    if (kind === 'lags') return [[name, () => caller.isBehind()] as const]
    if (kind === 'may-tell' && !has.has(name)) return []
    return [[name, has.has(name) ? calling(name, kind, caller) : nothing] as const]
  })
  return Object.fromEntries(entries)
}

const nothing = () => false

function calling(name: string, kind: CallbackKind, caller: Caller) {
  if (kind === 'asks') return async (...args: unknown[]) => (await caller.ask(name, args)) === true
  return (...args: unknown[]) => {
    if (kind !== 'shows' || !caller.isBehind()) caller.tell(name, args)
  }
}
