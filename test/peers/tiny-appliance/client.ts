import { hash } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import { connect, type TLSSocket } from 'node:tls'
import { Type, type Static, type TSchema } from 'typebox'
import { Fault, type FaultCode } from '../../../core/fault.ts'
import { parser } from '../../../core/schema.ts'
import { Secret } from '../../../core/secret.ts'
import { visible } from '../../../core/text.ts'
import type { Pin } from '../../../connectors/contract.ts'

/** Where the API is. */
export interface ApiPlace {
  readonly address: string
  readonly port: number
}

/** Where the API is, how it is recognised, and how we sign in. */
export interface ApiAccess extends ApiPlace {
  readonly pins: readonly Pin[]
  readonly token: Secret
}

/** One request. */
export interface ApiCall {
  readonly method: 'GET' | 'PUT' | 'DELETE' | 'POST'
  /** e.g. certificates, shop */
  readonly path: readonly string[]
  readonly body?: Readonly<Record<string, string | Secret>>
}

const systemSchema = Type.Object({
  product: Type.String(),
  version: Type.String(),
  unsaved: Type.Array(Type.String())
})
const sitesSchema = Type.Array(
  Type.Object({
    site: Type.String(),
    port: Type.Integer(),
    names: Type.Array(Type.String()),
    certificate: Type.String(),
    renewal: Type.Union([Type.Literal('none'), Type.Literal('acme')])
  })
)
const certificatesSchema = Type.Array(
  Type.Object({ name: Type.String(), chain: Type.String(), number: Type.Integer() })
)

/** A site as the device tells of it. */
export type ApiSite = Static<typeof sitesSchema>[number]
/** A certificate as the device tells of it. */
export type ApiCertificate = Static<typeof certificatesSchema>[number]

/** What every answer but these means; all others are not understood. */
const faults: Readonly<Record<number, FaultCode>> = {
  401: 'device-sign-in',
  403: 'device-right',
  422: 'device-refused',
  423: 'device-busy',
  503: 'device-busy',
  507: 'device-full'
}

/** more than any answer takes */
const largestAnswer = 4 * 1024 * 1024

/** The device in its own words, each call a connection of its own. Faults: those of the table above, device-pin, device-unreachable. */
export function createApi(access: ApiAccess) {
  const read = async <const S extends TSchema>(path: string, schema: S, signal: AbortSignal) =>
    parser(schema, 'device-malformed')(await call(access, { method: 'GET', path: [path] }, signal))
  return {
    system: (signal: AbortSignal) => read('system', systemSchema, signal),
    sites: (signal: AbortSignal) => read('sites', sitesSchema, signal),
    certificates: (signal: AbortSignal) => read('certificates', certificatesSchema, signal),
    /** changes something */
    act: async (what: ApiCall, signal: AbortSignal) => void (await call(access, what, signal))
  }
}

/** What {@link createApi} gives. */
export type Api = ReturnType<typeof createApi>

/** What the device shows before any credential is sent. Throws device-unreachable. */
export async function pinOf(place: ApiPlace, signal: AbortSignal): Promise<Pin> {
  const socket = await secured(place, signal)
  const pin = shownBy(socket, place)
  socket.destroy()
  return pin
}

function shownBy(socket: TLSSocket, { address, port }: ApiPlace): Pin {
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) throw new Fault('device-malformed', `${nameOf({ address, port })} shows no certificate.`)
  const digest = hash('sha256', certificate.publicKey.export({ type: 'spki', format: 'der' }), 'base64')
  return { what: `tls-spki ${address}:${port}`, fingerprint: `SHA256:${digest}` }
}

async function call(access: ApiAccess, wanted: ApiCall, signal: AbortSignal): Promise<unknown> {
  const socket = await secured(access, signal)
  try {
    checkPin(access, shownBy(socket, access))
    const { status, text } = await exchange(socket, { ...access, ...wanted }, signal)
    if (status !== 200) throw refusal(access, wanted, { status, text })
    return JSON.parse(text) as unknown
  } catch (thrown) {
    signal.throwIfAborted()
    if (thrown instanceof Fault) throw thrown
    if (thrown instanceof SyntaxError) throw new Fault('device-malformed', `${nameOf(access)} sends no JSON.`)
    throw unreachable(access, thrown)
  } finally {
    socket.destroy()
  }
}

/** before anything of ours is sent */
function checkPin({ pins, ...place }: ApiAccess, shown: Pin): void {
  if (pins.some(({ what, fingerprint }) => what === shown.what && fingerprint === shown.fingerprint)) return
  throw new Fault(
    'device-pin',
    `${nameOf(place)} shows the key ${shown.fingerprint}, which nobody has accepted. Nothing was sent to it.`
  )
}

function secured(place: ApiPlace, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    // its certificate is of its own making: the pinned key says who it is
    const socket = connect({ host: place.address, port: place.port, rejectUnauthorized: false })
    const stop = () => socket.destroy(new Error('told to stop'))
    signal.addEventListener('abort', stop, { once: true })
    socket.once('close', () => signal.removeEventListener('abort', stop))
    socket.on('error', (error) => reject(signal.aborted ? error : unreachable(place, error)))
    socket.once('close', () => reject(unreachable(place, undefined)))
    socket.once('secureConnect', () => resolve(socket))
  })
}

function exchange(
  socket: TLSSocket,
  { method, path, body, token }: ApiCall & ApiAccess,
  signal: AbortSignal
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => socket,
      method,
      path: `/${path.map(encodeURIComponent).join('/')}`,
      headers: { authorization: `Bearer ${token.reveal()}`, connection: 'close' },
      signal
    })
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
    outgoing.end(body ? JSON.stringify(body, revealed) : undefined)
  })
}

/** here, where it is sent, and nowhere else */
function revealed(_: string, value: unknown): unknown {
  return value instanceof Secret ? value.reveal() : value
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestAnswer) throw new Fault('device-malformed', 'The device sends an answer without end.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function refusal(
  place: ApiPlace,
  { method, path }: ApiCall,
  { status, text }: { readonly status: number; readonly text: string }
): Fault {
  const code = faults[status] ?? 'device-malformed'
  return new Fault(
    code,
    `${nameOf(place)} answers ${status} to ${method} ${path.join('/')}: ${visible(text, 200)}`
  )
}

function unreachable(place: ApiPlace, thrown: unknown): Fault {
  const why = thrown instanceof Error ? visible(thrown.message, 200) : 'it closes the connection'
  return new Fault('device-unreachable', `${nameOf(place)} cannot be reached: ${why}`)
}

function nameOf({ address, port }: ApiPlace): string {
  return `The appliance at ${address}:${port}`
}
