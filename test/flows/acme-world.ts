import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { newAccount } from '../../acme/client/accounts.ts'
import { getAuthorization, respond } from '../../acme/client/authorizations.ts'
import { openCa, type Ca } from '../../acme/client/ca.ts'
import { downloadCertificate } from '../../acme/client/certificates.ts'
import { finalize, getOrder, newOrder, type Order, type OrderRequest } from '../../acme/client/orders.ts'
import type { AcmeAccount } from '../../acme/client/post.ts'
import { createAccountKey, openSigner, type ExternalBinding } from '../../acme/client/sign.ts'
import { systemClock } from '../../core/clock.ts'
import type { Pebble } from '../peers/pebble.ts'
import { temporaryFolder } from '../peers/process.ts'

/** Never aborts. */
export const calm = new AbortController().signal

/** The client of a Pebble. */
export function caOf({ directoryUrl, trustRoots }: Pick<Pebble, 'directoryUrl' | 'trustRoots'>): Ca {
  return openCa({ directoryUrl, trustRoots }, { clock: systemClock })
}

/** A new account with a fresh key. */
export async function accountAt(ca: Ca, binding?: ExternalBinding): Promise<AcmeAccount> {
  const key = await openSigner(await createAccountKey())
  const { account } = await newAccount(
    ca,
    { key, contacts: ['mailto:ops@a.test'], agreesToTerms: true, ...(binding ? { binding } : {}) },
    calm
  )
  return account
}

/** A CSR made by openssl, with its key. */
export function csrOf(...names: readonly string[]): { readonly der: Buffer; readonly keyPem: string } {
  const folder = temporaryFolder()
  const [key, csr] = [join(folder.path, 'key.pem'), join(folder.path, 'csr.der')]
  const sans = names.map((name) => (/^[\d.:]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',')
  execFileSync(
    'openssl',
    [
      ...'req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -outform DER'.split(' '),
      '-addext',
      `subjectAltName=${sans}`,
      '-keyout',
      key,
      '-out',
      csr
    ],
    { stdio: 'pipe' }
  )
  const made = { der: readFileSync(csr), keyPem: readFileSync(key, 'utf8') }
  folder.remove()
  return made
}

/** Polls an order until it is in one of these states, as a caller would. */
export async function orderUntil(
  account: AcmeAccount,
  url: string,
  states: readonly Order['status'][]
): Promise<Order> {
  for (let polls = 0; polls < 400; polls++) {
    const order = await getOrder(account, url, calm)
    if (states.includes(order.status)) return order
    await pause(25)
  }
  throw new Error(`the order ${url} does not come to ${states.join(' or ')}`)
}

/** Answers one challenge of each authorization, where the CA looks at nothing, and waits until it is ready. */
export async function makeReady(account: AcmeAccount, order: Order): Promise<Order> {
  for (const url of order.authorizationUrls) {
    const { challenges } = await getAuthorization(account, url, calm)
    const challenge = challenges.find(({ type }) => type === 'dns-01') ?? challenges[0]
    if (challenge?.status === 'pending') await respond(account, challenge, calm)
  }
  return orderUntil(account, order.url, ['ready', 'invalid'])
}

/** A certificate for one name, from a CA that looks at nothing. */
export async function issued(account: AcmeAccount, name: string, more: Partial<OrderRequest> = {}) {
  const placed = await newOrder(account, { identifiers: [{ type: 'dns', value: name }], ...more }, calm)
  const order = await makeReady(account, placed)
  const csr = csrOf(name)
  await finalize(account, { order, csr: csr.der }, calm)
  const valid = await orderUntil(account, order.url, ['valid', 'invalid'])
  if (valid.status !== 'valid') throw new Error(`the order for ${name} is ${valid.status}`)
  const { chain } = await downloadCertificate(account, { url: valid.certificateUrl }, calm)
  const [certificate = Buffer.alloc(0)] = chain.certificates
  const { serialNumber } = new X509Certificate(certificate)
  return {
    url: valid.certificateUrl,
    certificate,
    pem: chain.pem,
    keyPem: csr.keyPem,
    serial: serialNumber.toLowerCase()
  }
}
