import type { ForetoldTime } from '../sensor/scan/duration.ts'
import type { StartTls } from '../sensor/scan/observation.ts'
import type { SpaceSizes } from '../sensor/scan/targets/sizes.ts'
import type { EndpointOrder } from '../sensor/store/endpoint-pages.ts'
import type { AutomationFunctions } from './automation-functions.ts'
import type {
  Certificate,
  Change,
  Deep,
  Endpoint,
  KeptLook,
  Revocation,
  Scan,
  Schedule,
  Severity,
  Ssh,
  Summary
} from './records.ts'

/** Targets, exclusions or names as text, and how messages call the file; null: words of a command line. */
export interface ListText {
  readonly source: string | null
  readonly text: string
  /** absolute path of a file that is read again, as long as it is there, whenever the list is needed later on */
  readonly file?: string
}

/** One open port (or one host to look at) that another tool, or a table, hands over. */
export interface FoundPlace {
  /** IP address; null: known by name only */
  readonly address: string | null
  /** null: the ports of the scan */
  readonly port: number | null
  readonly name: string | null
  readonly owner: string | null
  readonly tags: readonly string[]
}

/** How gently to scan; what is left out keeps its polite default. */
export interface PaceRequest {
  /** connections started per second, in total, to one address, to one /24 or /64 */
  readonly rate?: number
  readonly hostRate?: number
  readonly subnetRate?: number
  /** connections at once, in total, to one address, to one /24 or /64 */
  readonly concurrency?: number
  readonly perHost?: number
  readonly perSubnet?: number
  /** hours in which to scan, `Mon-Fri 22:00-06:00 Europe/Berlin` */
  readonly window?: string
}

/** How to probe; what is left out keeps its default. */
export interface ProbeRequest {
  /** longest wait for an answer, milliseconds */
  readonly timeoutMs?: number
  /** repeats after no answer */
  readonly retries?: number
  /** a STARTTLS protocol for every port, `auto` by the port, `none` never */
  readonly starttls?: StartTls | 'auto' | 'none'
  /** ask a server that has both key types for the other one as well? */
  readonly twin?: boolean
}

/** What is looked at more closely once the scan is done. */
export interface Looks {
  /** versions, suites and weaknesses of each endpoint: some dozens of connections each */
  readonly deep: boolean
  /** host keys of SSH servers that the scan met */
  readonly ssh: boolean
  /** revocation of each certificate, where the settings allow to ask */
  readonly revocation: boolean
}

/** What a closer look shows. */
export type Look = Deep | Ssh | Revocation

/** A scan as it is asked for. */
export interface ScanRequest {
  readonly targets: readonly ListText[]
  readonly found: readonly FoundPlace[]
  readonly excluded: readonly ListText[]
  readonly doNotScan: readonly ListText[]
  /** ports, ranges and named sets as written; null for the default set */
  readonly ports: string | null
  /** server names to ask for where TLS answers, in the form of a hosts file; a line without address: everywhere */
  readonly names: readonly ListText[]
  /** ask DNS for the names of addresses where TLS answers (PTR), and ask for those as well */
  readonly ptr: boolean
  /** ask for the names of the certificates that were seen at the address? */
  readonly certificateNames: boolean
  /** names tried at one address at most */
  readonly maxNames: number
  readonly pace: PaceRequest
  readonly probe: ProbeRequest
  readonly looks: Looks
  readonly workers: number
  /** most pairs that are scanned without asking */
  readonly maxTargets: number
  readonly owner: string | null
  readonly tags: readonly string[]
}

/** How much a scan is about to do. */
export interface Scope extends SpaceSizes, ForetoldTime {
  /** what it is about, where nobody named it so: the names where a scan found TLS; else null */
  readonly about: string | null
  /** how targets were read, and names that did not resolve, as sentences */
  readonly notes: readonly string[]
  readonly maxTargets: number
}

/** How far a running scan has come. */
export interface Progress {
  readonly done: number
  readonly size: number
  /** endpoints seen so far; null in closer looks, which find none */
  readonly found: number | null
  /** pairs per second over the last seconds */
  readonly rate: number
  /** milliseconds left, once the rate is steady; null before */
  readonly leftMs: number | null
  /** what happens instead of the sweep: closer looks */
  readonly instead: string | null
  /** when the window of time opens that is waited for, milliseconds; null while it is open */
  readonly opensAt: number | null
}

/** What whoever started a scan wants to hear of it. */
export interface ScanWatch {
  /**
   * The size is known and nothing is sent yet; gives whether a size over the limit is meant. When the signal has
   * aborted meanwhile, nothing is begun.
   */
  scope(scope: Scope): boolean | Promise<boolean>
  progress(progress: Progress): void
  /** an endpoint answered and is stored; left out by whoever does not look at them */
  endpoint?(endpoint: Endpoint): void
  /** a closer look is done */
  look?(look: Look): void
  /** does whoever watches take less than it is told? The scan rests meanwhile */
  isBehind?(): boolean
}

/** Which endpoints to list. Filters hold together; what is left out does not matter. */
export interface InventoryQuery {
  /** expires within this time from now (or has expired), milliseconds */
  readonly expiringMs?: number
  /** a code of docs/findings.md, for a finding that holds now */
  readonly finding?: string
  readonly severity?: Severity
  /** part of the issuer's name */
  readonly issuer?: string
  readonly key?: string
  /** part of a name; `*.example.com`; an address or its beginning */
  readonly search?: string
  /** fingerprint, or the first hex digits of it */
  readonly certificate?: string
  /** address, network or range */
  readonly network?: string
  readonly port?: number
  readonly tag?: string
  readonly owner?: string
  /** those that are no longer there, instead of those that are */
  readonly gone?: boolean
  readonly sort: EndpointOrder
  readonly limit: number
  /** where the page begins: `next` of the page before */
  readonly after?: string
}

/** A page of the inventory, with figures of everything that the query means. */
export interface InventoryPage {
  readonly endpoints: readonly Endpoint[]
  readonly summary: Summary
}

/** An endpoint with what closer looks showed of it and of its certificates. */
export interface EndpointDetails {
  /** null where only SSH was met */
  readonly endpoint: Endpoint | null
  readonly looks: readonly KeptLook[]
}

/** A schedule to keep. */
export type NewSchedule = Omit<Schedule, 'type' | 'schema' | 'createdAt'>

/** What people say about the endpoints at a place; what is left out stays as it is. */
export interface Label {
  /** `address`, `address:ports`, network or range */
  readonly place: string
  /** only the endpoints of this server name */
  readonly name?: string
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
  /** null takes the owner away */
  readonly owner?: string | null
}

/** What a label did: the endpoints that it means, and those among them that are otherwise now. */
export interface Labelled {
  readonly met: number
  readonly changed: number
}

/** What went when old scans were forgotten. */
export interface Pruned {
  readonly scans: number
  /** former standings of endpoints */
  readonly history: number
  readonly certificates: number
}

/** How the inventory differs between two times, and which. */
export interface Differences {
  /** the scan, with that for its names, after which the inventory is compared; null: before `to` */
  readonly from: readonly Scan[] | null
  readonly to: readonly Scan[]
  /** by address */
  readonly changes: AsyncIterable<Change>
}

/**
 * Everything that can be asked of an appliance, as plain data: the CLI calls these functions and nothing else.
 * They are served by the process itself ({@link file://./standalone/open.ts}), or by `tlsward run` over its socket. Bad
 * input and missing things are Faults.
 */
export interface Functions extends AutomationFunctions {
  /** gives the scan and, where names were to be asked for, that for the names */
  scan(request: ScanRequest, watch: ScanWatch, signal: AbortSignal): Promise<readonly Scan[]>
  resume(id: number, watch: ScanWatch, signal: AbortSignal): Promise<readonly Scan[]>
  inventory(
    query: InventoryQuery
  ): Promise<{ readonly endpoints: readonly Endpoint[]; readonly summary: Summary }>
  /** every endpoint that a query means, in its order, from where it begins; read page by page */
  endpoints(query: Omit<InventoryQuery, 'limit'>): AsyncIterable<Endpoint>
  /** the endpoints at `address:port`, or with `/name` that of a server name, and what closer looks showed */
  endpoint(place: string): Promise<readonly EndpointDetails[]>
  /** the certificate of a fingerprint (the first digits are enough), or those that `host:port[/name]` shows */
  certificates(which: string): Promise<readonly Certificate[]>
  scans(): Promise<readonly Scan[]>
  scanById(id: number): Promise<Scan>
  /** what one scan changed (the last one when none is named), or what changed from the end of one to that of another */
  differences(from?: number, to?: number): Promise<Differences>
  /** forgets all but the last scans, and what nothing refers to any more; gives how many of each went */
  prune(keep: number): Promise<Pruned>
  schedules(): Promise<readonly Schedule[]>
  /** throws `confirmation-needed` for a schedule of more than `maxTargets` pairs */
  addSchedule(schedule: NewSchedule, maxTargets: number): Promise<void>
  removeSchedule(name: string): Promise<void>
  /** sets tags and owners, all or nothing; says of each label how many endpoints it met and changed */
  label(labels: readonly Label[]): Promise<readonly Labelled[]>
  close(): Promise<void>
}
