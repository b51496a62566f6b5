import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectors } from '../../connectors/index.ts'
import { root } from '../../scripts/sources.ts'

t.test('every folder of a vendor is in the list of connectors, by its id', (t) => {
  const folders = readdirSync(join(root, 'connectors'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'shared')
    .map(({ name }) => name)
  t.same(connectors.map(({ id }) => id).toSorted(), folders.toSorted())
  t.end()
})

t.test('every setting and secret of a connector can be shown in a form', (t) => {
  for (const { id, settings, secrets } of connectors) {
    t.match(settings, { additionalProperties: false }, `${id}: a misspelt name is refused`)
    for (const [name, property] of Object.entries(settings.properties)) {
      t.match(property, { title: /\w/ }, `${id}: ${name} has a title`)
    }
    t.ok(Object.keys(settings.properties).every((name) => !secrets.some((secret) => secret.name === name)))
    for (const secret of secrets) t.match(secret, { title: /\w/, hint: /\w/ }, `${id}: ${secret.name}`)
  }
  t.end()
})
