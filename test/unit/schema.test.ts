import t from 'tap'
import { Type } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'

const Thing = Type.Object(
  {
    host: Type.String(),
    port: Type.Union([
      Type.String({ pattern: '^[0-9]+$', description: 'a port from 1 to 65535' }),
      Type.Integer()
    ]),
    code: Type.Optional(Type.String({ pattern: '^[a-z]+$' })),
    mode: Type.Optional(Type.Enum(['no', 'public'])),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })),
    list: Type.Optional(Type.Array(Type.Object({ 'a/b': Type.String({ minLength: 2 }) }))),
    kind: Type.Optional(Type.Literal('x')),
    password: Type.Optional(Type.String({ minLength: 12 })),
    phrase: Type.Optional(Type.String({ minLength: 12, writeOnly: true })),
    text: Type.Optional(Type.String({ maxLength: 3 }))
  },
  { additionalProperties: false }
)
const parse = parser(Thing, 'settings-malformed')
const good = { host: 'a.test', port: 443 }

/** What is said of a value. */
function said(value: unknown): string {
  try {
    parse(value)
    return 'taken'
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.message : String(thrown)
  }
}

t.test('a message says the field, its value and what is wanted there', (t) => {
  t.equal(said(good), 'taken')
  const wrongs: readonly (readonly [unknown, string])[] = [
    [1, 'value is 1: wanted an object'],
    [undefined, 'value is nothing: wanted an object'],
    [{ port: 1 }, 'host is missing'],
    [{ ...good, host: 1 }, 'host is 1: wanted a text'],
    [{ ...good, port: '80x' }, 'port is "80x": wanted a port from 1 to 65535 or a whole number'],
    [{ ...good, code: 'A1' }, 'code is "A1": wanted a text of the form ^[a-z]+$'],
    [{ ...good, mode: 'yes' }, 'mode is "yes": wanted one of "no", "public"'],
    [{ ...good, count: 0 }, 'count is 0: wanted a number >= 1'],
    [{ ...good, count: 1.5 }, 'count is 1.5: wanted a whole number'],
    [{ ...good, list: 3 }, 'list is 3: wanted a list'],
    [{ ...good, list: [{ 'a/b': 'xy' }, { 'a/b': 'x' }] }, 'list.1.a/b is "x": wanted at least 2 characters'],
    [{ ...good, list: [{}] }, 'list.0.a/b is missing'],
    [{ ...good, kind: 'y' }, 'kind is "y": wanted "x"'],
    [{ ...good, text: 'long' }, 'text is "long": wanted at most 3 characters'],
    [{ ...good, extra: 1 }, 'extra is not known']
  ]
  for (const [value, message] of wrongs) t.equal(said(value), message)
  t.end()
})

t.test('no message shows a secret, or what could hold one', (t) => {
  t.equal(
    said({ ...good, password: 'hunter2' }),
    'password is not as it must be: wanted at least 12 characters'
  )
  t.equal(said({ ...good, phrase: 'hunter2' }), 'phrase is not as it must be: wanted at least 12 characters')
  t.equal(said({ ...good, host: { password: 'hunter2' } }), 'host is an object: wanted a text')
  t.equal(said([{ password: 'hunter2' }]), 'value is a list: wanted an object')
  t.end()
})

t.test('what a message shows cannot steer a terminal and is short', (t) => {
  t.equal(said({ ...good, mode: '\u001b[31m' }), 'mode is "\\u001b[31m": wanted one of "no", "public"')
  t.notMatch(said({ ...good, '\u001b[31m': 1 }), /\u001b/)
  t.ok(said({ ...good, code: 'A'.repeat(10_000) }).length < 150)
  t.end()
})
