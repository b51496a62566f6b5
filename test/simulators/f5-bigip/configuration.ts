import { type Json, type JsonObject, scalarText, without } from './json.ts'

/** What every object of the configuration has. */
export interface Stored {
  /** /Partition/[folder/]name */
  readonly fullPath: string
  /** of the last change, counted over the whole unit */
  readonly generation: number
}

/** What every file object has. */
interface StoredFile extends Stored {
  readonly content: string
  readonly sourcePath: string
  /** ISO 8601, whole seconds */
  readonly createTime: string
  readonly createdBy: string
  readonly lastUpdateTime: string
  readonly updatedBy: string
  readonly revision: number
}

/** sys file ssl-cert */
export interface CertFile extends StoredFile {
  readonly issuerCert: string | null
  readonly certValidationOptions: readonly Json[]
}

/** sys file ssl-key */
export interface KeyFile extends StoredFile {
  readonly passphrase: string | null
  readonly securityType: string
}

/** sys crypto csr; the request itself is a file on the disk, too */
export interface Csr extends Stored {
  readonly settings: JsonObject
  readonly key: string
  readonly keySize: number
  readonly publicKeyType: string
}

/** One pair of a client-ssl profile. */
export interface CertKeyChain {
  readonly name: string
  readonly cert: string
  readonly key: string
  readonly chain: string | null
  readonly passphrase: string | null
}

/** ltm profile client-ssl: only what it says itself, the rest comes from its parent */
export interface ClientSsl extends Stored {
  /** null: the root of all */
  readonly defaultsFrom: string | null
  /** null: the parent's (inheritCertkeychain) */
  readonly certKeyChain: readonly CertKeyChain[] | null
  readonly settings: JsonObject
  readonly appService: string | null
}

/** A profile of any other type. */
export interface OtherProfile extends Stored {
  readonly type: OtherProfileType
  readonly defaultsFrom: string | null
  readonly settings: JsonObject
}

/** Types of profiles beside client-ssl, as in the path. */
export const otherProfileTypes = [
  'tcp',
  'udp',
  'fastl4',
  'http',
  'http2',
  'one-connect',
  'server-ssl'
] as const
/** One of them. */
export type OtherProfileType = (typeof otherProfileTypes)[number]

/** A profile as it hangs on a virtual server. */
export interface AttachedProfile {
  readonly fullPath: string
  readonly context: 'all' | 'clientside' | 'serverside'
}

/** ltm virtual */
export interface Virtual extends Stored {
  /** as given, below its partition: /Common/10.0.0.10%2:443. Null: by traffic-matching-criteria only */
  readonly destination: string | null
  readonly isEnabled: boolean
  readonly profiles: readonly AttachedProfile[]
  readonly settings: JsonObject
  readonly index: number
  /** false: its address is of no floating traffic group, each unit of a pair serves it */
  readonly isFloating: boolean
  readonly appService: string | null
}

/** auth partition; its full path is its name with a slash before */
export interface Partition extends Stored {
  readonly defaultRouteDomain: number
  readonly description: string | null
}

/** sys folder below a partition */
export interface Folder extends Stored {
  readonly appService: string | null
}

type Table<T> = Readonly<Record<string, T>>

/** Everything that a unit is told. Objects are never changed, only replaced: keeping one is keeping a snapshot. */
export interface Configuration {
  /** of the youngest change */
  readonly generation: number
  readonly partitions: Table<Partition>
  readonly folders: Table<Folder>
  readonly certs: Table<CertFile>
  readonly keys: Table<KeyFile>
  readonly csrs: Table<Csr>
  readonly clientSsl: Table<ClientSsl>
  readonly profiles: Table<OtherProfile>
  readonly virtuals: Table<Virtual>
  /** sys httpd */
  readonly httpd: JsonObject
}

/** Parts that hold objects by full path. */
export const tableNames = [
  'partitions',
  'folders',
  'certs',
  'keys',
  'csrs',
  'clientSsl',
  'profiles',
  'virtuals'
] as const
/** One of them. */
export type TableName = (typeof tableNames)[number]

/** A configuration that is being changed. */
export type Draft = {
  -readonly [Name in keyof Configuration]: Name extends TableName
    ? Record<string, Configuration[Name][string]>
    : Configuration[Name]
}

/** A copy to change; objects that are not replaced stay the same ones. */
export function draftOf(configuration: Configuration): Draft {
  return {
    generation: configuration.generation,
    httpd: configuration.httpd,
    partitions: { ...configuration.partitions },
    folders: { ...configuration.folders },
    certs: { ...configuration.certs },
    keys: { ...configuration.keys },
    csrs: { ...configuration.csrs },
    clientSsl: { ...configuration.clientSsl },
    profiles: { ...configuration.profiles },
    virtuals: { ...configuration.virtuals }
  }
}

/** The number of the next change. */
export function nextGeneration(draft: Draft): number {
  draft.generation += 1
  return draft.generation
}

/** The same configuration without what does not matter in a comparison: numbers of changes. */
export function comparable(configuration: Configuration): JsonObject {
  const tables = tableNames.map((name) => {
    const objects = Object.values(configuration[name] as Table<Stored>)
      .map((one) => without(one as unknown as JsonObject, ['generation']))
      .sort((a, b) => scalarText(a['fullPath']).localeCompare(scalarText(b['fullPath'])))
    return [name, objects] as const
  })
  return { ...Object.fromEntries(tables), httpd: configuration.httpd }
}
