/** Which layer says no; each has its own form of body. */
type Layer = 'tmos' | 'framework'

/** A refusal with the status and the words of the device. */
export class Refusal extends Error {
  readonly status: number
  readonly layer: Layer
  /** small number of the TMOS layer */
  readonly apiError: number
  /** the framework gives a body back that it could not use, private key and all */
  readonly echoesBody: boolean

  constructor(
    status: number,
    message: string,
    how: { readonly layer?: Layer; readonly apiError?: number; readonly echoesBody?: boolean } = {}
  ) {
    super(message)
    this.status = status
    this.layer = how.layer ?? 'tmos'
    this.apiError = how.apiError ?? 1
    this.echoesBody = how.echoesBody ?? false
  }
}

/** mcpd: eight hex digits, severity 3, and a sentence. */
export function mcpd(status: number, code: string, sentence: string): Refusal {
  return new Refusal(status, `${code}:3: ${sentence}`, { apiError: 3 })
}

/** restjavad, before TMOS is asked. */
export function framework(status: number, message: string, echoesBody = false): Refusal {
  return new Refusal(status, message, { layer: 'framework', echoesBody })
}

export const notFound = (type: string, fullPath: string) =>
  mcpd(404, '01020036', `The requested ${type} (${fullPath}) was not found.`)

export const alreadyExists = (type: string, fullPath: string) =>
  mcpd(
    409,
    '01020066',
    `The requested ${type} (${fullPath}) already exists in partition ${fullPath.split('/')[1]}.`
  )

/** a cert, key or chain that a profile names and that is not there: 400, not 404 */
export const referenceMissing = (type: string, fullPath: string) =>
  mcpd(400, '01070277', `The requested ${type} (${fullPath}) was not found.`)

export const fileInUse = (fullPath: string) =>
  mcpd(400, '01071349', `File object by name (${fullPath}) is in use.`)

export const keyMismatch = (profile: string) =>
  mcpd(400, '01070317', `profile ${profile}'s key and certificate do not match`)

export const configurationError = (sentence: string) =>
  mcpd(400, '01070734', `Configuration error: ${sentence}`)

export const unreadable = (sentence: string) =>
  mcpd(400, '01070712', `Caught configuration exception (0), ${sentence}`)

export const accessDenied = (user: string, partition: string) =>
  mcpd(403, '01070822', `Access Denied: User (${user}) may not change objects in partition ${partition}.`)

export const crossPartition = (what: string, partition: string, target: string) =>
  mcpd(400, '01070726', `${what} in partition ${partition} cannot reference ${target}`)

export const ownedByService = (fullPath: string, service: string) =>
  mcpd(
    400,
    '01070712',
    `The application service (${service}) has strict updates enabled, the object (${fullPath}) must be updated using an application management interface.`
  )

export const unknownPath = (path: string) =>
  framework(404, `Public URI path not registered: ${path.replace(/^\/mgmt/, '').replaceAll('~', '?')}`)

export const badProperty = (name: string) =>
  new Refusal(400, `invalid property value "${name}"`, { apiError: 26_214_401 })

export const unknownProperty = (name: string) =>
  new Refusal(400, `"${name}" unknown property`, { apiError: 26_214_401 })

export const missingProperty = (name: string) =>
  new Refusal(400, `one or more properties must be specified: "${name}"`, { apiError: 26_214_401 })

export const busy = () =>
  new Refusal(503, 'There is an active asynchronous task executing.', { apiError: 32_768_100 })
