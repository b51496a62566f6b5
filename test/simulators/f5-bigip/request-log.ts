/** A request as it was seen, without secrets. */
export interface LoggedRequest {
  /** 1, 2, 3 … since the start */
  readonly number: number
  readonly method: string
  /** with its query */
  readonly path: string
  /** without private keys, passwords and passphrases */
  readonly body: string
  /** null: not signed in */
  readonly user: string | null
  /** X-F5-REST-Coordination-Id */
  readonly transaction: string | null
  /** null: it was not answered */
  readonly status: number | null
}

const keys = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----(\\n|\n)?/g
const secrets = /("(?:password|passphrase|keyPassphrase|proxyCaPassphrase)"\s*:\s*)"(?:[^"\\]|\\.)*"/g

/** The text without private keys, passwords and passphrases. */
export function redacted(text: string): string {
  return text.replace(keys, '[private key]').replace(secrets, '$1"[secret]"')
}
