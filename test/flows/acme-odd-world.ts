import type { Test } from 'tap'
import { openCa, type Ca } from '../../acme/client/ca.ts'
import type { AcmeAccount } from '../../acme/client/post.ts'
import type { CaSettings } from '../../acme/client/settings.ts'
import { createAccountKey, openSigner } from '../../acme/client/sign.ts'
import { systemClock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { startOddCa, type OddCall, type OddCa, type Oddity } from '../peers/odd-ca.ts'

/** The account key of all worlds. */
export const key = await openSigner(await createAccountKey())
/** What is ordered. */
export const identifiers = [{ type: 'dns', value: 'a.test' }] as const

/** A CA that may be odd, and clients of it. */
export interface World {
  readonly server: OddCa
  readonly ca: Ca
  readonly account: AcmeAccount
  /** another client of the same server */
  readonly open: (settings: Partial<CaSettings>) => { readonly ca: Ca; readonly account: AcmeAccount }
}

/** Starts the CA with its client; both end with the test. */
export async function world(t: Test, oddity?: Oddity): Promise<World> {
  const server = await startOddCa(oddity)
  t.teardown(() => server.close())
  const open = (settings: Partial<CaSettings>) => {
    const { directoryUrl, trustRoots } = server
    const ca = openCa({ directoryUrl, trustRoots, ...settings }, { clock: systemClock })
    t.teardown(() => ca.close())
    return { ca, account: { ca, key, url: server.url('/account/1') } }
  }
  return { server, ...open({}), open }
}

/** The oddity that answers one call in this way. */
export const to =
  (call: OddCall, reply: ReturnType<Oddity>): Oddity =>
  (request) =>
    request.call === call ? reply : undefined

/** The oddity that changes the JSON of one call. */
export const changing =
  (call: OddCall, change: Readonly<Record<string, unknown>>): Oddity =>
  (request, good) =>
    request.call === call ? { ...good, body: { ...(good.body as object), ...change } } : undefined

/** The fault that a call ends with. */
export async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const thrown = await promise.then(
    () => new Error('it succeeded'),
    (error: unknown) => error
  )
  if (thrown instanceof Fault) return thrown
  throw thrown
}
