import { Agent } from 'node:https'
import axios from 'axios'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { Fault, type FaultCode } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import { type Reference, formatReference } from './reference.ts'

/** How a HashiCorp Vault is reached. */
export interface VaultKvSettings {
  /** `https://host:port`: a token is never sent in the clear */
  readonly address: string
  /** asked for each time, since tokens are renewed */
  readonly token: () => Secret
  /** of Vault Enterprise and HCP */
  readonly namespace?: string
  /** PEM of the authority that issued its certificate, where that is a private one */
  readonly ca?: string
  readonly timeoutMs?: number
}

const isAnswer = Compile(
  Type.Object({
    // null: the present version was deleted
    data: Type.Object({ data: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]) })
  })
)

const maxAnswer = 1 << 20

/**
 * A field of a secret in a KV version 2 engine, its present version: GET /v1/MOUNT/data/PATH
 * (developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version). Faults: reference-missing,
 * reference-denied (the token), reference-unreachable (also when its certificate is not trusted).
 */
export async function readVaultKv(
  settings: VaultKvSettings,
  reference: Extract<Reference, { kind: 'vault-kv' }>
): Promise<Secret> {
  const text = formatReference(reference)
  const fault = (code: FaultCode, what: string) => new Fault(code, `${text}: ${what}`, { reference: text })
  const base = baseOf(settings.address)
  if (base === undefined) {
    throw fault(
      'reference-unreachable',
      'the address of HashiCorp Vault is no https URL; correct the configuration'
    )
  }
  const { status, body } = await ask(settings, `${base}/v1/${reference.mount}/data/${reference.path}`, fault)
  if (status === 403) {
    throw fault(
      'reference-denied',
      'HashiCorp Vault refuses the token; renew it, or grant it "read" on this path'
    )
  }
  if (status === 404)
    throw fault('reference-missing', 'HashiCorp Vault has no such secret; correct the reference')
  if (status !== 200) {
    throw fault(
      'reference-unreachable',
      `HashiCorp Vault answers with HTTP ${status}; see whether it is sealed`
    )
  }
  const value = fieldOf(body, reference.field)
  if (value !== undefined) return new Secret(value)
  throw fault(
    'reference-missing',
    `the secret has no text in its field ${reference.field}; correct the reference`
  )
}

function baseOf(address: string): string | undefined {
  const url = URL.parse(address)
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

async function ask(
  { token, namespace, ca, timeoutMs = 10_000 }: VaultKvSettings,
  url: string,
  fault: (code: FaultCode, what: string) => Fault
): Promise<{ status: number; body: string }> {
  const agent = new Agent({
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca })
  })
  try {
    const { status, data } = await axios.get<string>(url, {
      headers: {
        'X-Vault-Token': token().reveal(),
        'X-Vault-Request': 'true',
        ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace })
      },
      httpsAgent: agent,
      // neither a proxy nor another server gets to see the token
      proxy: false,
      maxRedirects: 0,
      timeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
      maxContentLength: maxAnswer,
      responseType: 'text',
      transformResponse: (body: string) => body,
      validateStatus: () => true
    })
    return { status, body: data }
  } catch (error) {
    // the error itself holds the request with its token: it goes no further
    const why = error instanceof Error ? visible(error.message) : 'it does not answer'
    throw fault(
      'reference-unreachable',
      `HashiCorp Vault cannot be read: ${why}; check its address and certificate`
    )
  } finally {
    agent.destroy()
  }
}

/** The text in a field of the secret; undefined when it has none, or the answer is no secret. */
function fieldOf(body: string, field: string): string | undefined {
  const values = valuesOf(body)
  const value = Object.hasOwn(values, field) ? values[field] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

function valuesOf(body: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(body)
    return isAnswer.Check(read) ? (read.data.data ?? {}) : {}
  } catch {
    return {}
  }
}
