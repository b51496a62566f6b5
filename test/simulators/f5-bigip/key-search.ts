import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { keyIn } from './certificate-facts.ts'
import type { Configuration } from './configuration.ts'
import { readPkcs12 } from './pkcs12.ts'

/** Where a key may lie: a name for people, what is there, and the passphrase that goes with it. */
export interface KeyPlace {
  readonly name: string
  readonly content: string
  readonly passphrase: string | null
}

/** The places of a configuration. */
export function keyPlaces(name: string, { keys }: Configuration): KeyPlace[] {
  return Object.values(keys).map(({ fullPath, content, passphrase }) => ({
    name: `${name} ${fullPath}`,
    content,
    passphrase
  }))
}

/** Names of the places where the private key is, in whatever form. */
export function placesHolding(pem: string, places: readonly KeyPlace[]): string[] {
  const wanted = publicOf(createPrivateKey(pem))
  const body = bare(pem)
  return places
    .filter(({ content, passphrase }) => {
      if (bare(content).includes(body)) return true
      return keysIn(content, passphrase).some((key) => publicOf(key).equals(wanted))
    })
    .map(({ name }) => name)
}

const bare = (pem: string) => pem.replace(/-----[^-]+-----/g, '').replace(/\s/g, '')

const publicOf = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'der' })

const block = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]+?-----END [A-Z ]*PRIVATE KEY-----/g

function keysIn(content: string, passphrase: string | null): KeyObject[] {
  const texts = [...content.matchAll(block)].map(([text]) => text)
  const packed = texts.length === 0 ? readPkcs12(content, passphrase ?? '') : null
  return [...texts, ...(packed ? [packed.key] : [])].flatMap((text) => keyIn(text, passphrase) ?? [])
}
