import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from '../../core/secret.ts'
import type { OrderKeys } from '../../sensor/automation/ports.ts'

/** Keys in a file, for tests that kill the process that holds them; not sealed. */
export function openFileKeys(directory: string): OrderKeys & { readonly names: () => string[] } {
  const path = join(directory, 'keys.json')
  const read = () =>
    existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>) : {}
  const write = (keys: Readonly<Record<string, string>>) => {
    writeFileSync(`${path}.new`, JSON.stringify(keys))
    renameSync(`${path}.new`, path)
  }
  return {
    read(name) {
      const pem = read()[name]
      return pem === undefined ? null : new Secret(pem)
    },
    keep(name, key) {
      const keys = read()
      if (name in keys) throw new Error(`there is a key ${name}`)
      write({ ...keys, [name]: key.reveal() })
    },
    drop(name) {
      const { [name]: _, ...others } = read()
      write(others)
    },
    names: () => Object.keys(read())
  }
}
