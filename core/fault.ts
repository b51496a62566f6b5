/**
 * The kinds of fault, a closed list. Everything that depends on the kind (exit code, HTTP status, retry, log
 * level) is looked up in {@link faultKinds}.
 */
export type FaultKind =
  'refused' | 'denied' | 'missing' | 'conflict' | 'busy' | 'unreachable' | 'malformed' | 'bug'

/** What follows from a kind of fault. */
export interface FaultKindRow {
  /** process exit code of the CLI */
  readonly exitCode: number
  /** HTTP status of the problem+json answer (RFC 9457) */
  readonly httpStatus: number
  /** may the same act succeed later without anybody changing anything? */
  readonly retry: boolean
  readonly log: 'error' | 'warn' | 'info'
  /** one sentence for docs/errors.md */
  readonly means: string
}

/** The one table by kind; docs/errors.md is generated from it and a test keeps both equal. */
export const faultKinds: Readonly<Record<FaultKind, FaultKindRow>> = {
  refused: row(
    2,
    422,
    false,
    'info',
    'The input is wrong: the message names the field, the value and the remedy.'
  ),
  denied: row(3, 403, false, 'warn', 'The right to do this is missing.'),
  missing: row(4, 404, false, 'info', 'What was asked for is not there.'),
  conflict: row(
    5,
    409,
    false,
    'warn',
    'Something else changed the state meanwhile, or it is of another version.'
  ),
  busy: row(6, 503, true, 'warn', 'Somebody else holds what is needed; the same command works later.'),
  unreachable: row(7, 502, true, 'warn', 'Nothing answers over the network, or a local resource is gone.'),
  malformed: row(
    8,
    502,
    false,
    'error',
    'A peer, file or database answered in a way that is not understood.'
  ),
  bug: row(70, 500, false, 'error', 'Tlsward made a mistake. Nothing was acknowledged that is not stored.')
}

function row(
  exitCode: number,
  httpStatus: number,
  retry: boolean,
  log: FaultKindRow['log'],
  means: string
): FaultKindRow {
  return { exitCode, httpStatus, retry, log, means }
}

/** Every fault code of the product with its kind and the remedy that docs/errors.md shows. */
export const faultCodes = {
  'target-malformed': ['refused', 'Write an address, CIDR, range a-b, host name or host:port.'],
  'target-reversed': ['refused', 'Write the lower address first.'],
  'target-too-large': ['refused', 'Name fewer targets, ports or names: no scan can be this large.'],
  'target-ipv6-range': [
    'refused',
    'IPv6 networks cannot be swept: give a list of hosts (a file, DNS names).'
  ],
  'target-none': ['refused', 'Name at least one target that is not excluded.'],
  'target-unresolved': ['missing', 'Check the name and the resolver.'],
  'port-malformed': ['refused', 'Write ports 1-65535, ranges 8000-8100, or a named set.'],
  'option-malformed': ['refused', 'See the help of the command.'],
  'option-unknown': ['refused', 'See the help of the command.'],
  'file-unreadable': ['refused', 'Check the path and its rights.'],
  'file-unwritable': ['denied', 'Name a file that this account may write, on a disk with room.'],
  'handover-malformed': ['refused', 'Write the file again with the tool, or name its format with --from.'],
  'confirmation-needed': ['refused', 'Repeat with --yes once the size is what you meant.'],
  'state-unwritable': ['denied', 'Give --state a directory that this account may write.'],
  'state-unsafe': ['denied', 'Take the right to write it from group and others: chmod go-w.'],
  'store-newer': ['conflict', 'Use the version that wrote it, or restore a backup made by this version.'],
  'store-foreign': ['refused', 'Give --state a directory of its own.'],
  'store-corrupt': ['malformed', 'Restore a backup; the file is kept as it is.'],
  'store-locked': ['busy', 'Wait for the other tlsward process to end, or use another --state.'],
  'store-full': ['unreachable', 'Free disk space, then resume the scan: it goes on at its cursor.'],
  'scan-missing': ['missing', 'See tlsward scans list.'],
  'scan-running': ['busy', 'Wait for it to end, or stop it.'],
  'scan-finished': ['conflict', 'Start a new scan: this one has nothing left to do.'],
  'scan-excluded': ['conflict', 'Start a new scan: the do-not-scan list has grown since this one began.'],
  'endpoint-missing': ['missing', 'See tlsward inventory for the endpoints that are known.'],
  'certificate-missing': ['missing', 'See tlsward inventory for the fingerprints that are known.'],
  'certificate-ambiguous': ['refused', 'Give more digits of the fingerprint.'],
  'certificate-malformed': ['malformed', 'Give one X.509 certificate, PEM or DER.'],
  'schedule-missing': ['missing', 'See tlsward scans list.'],
  'schedule-exists': ['conflict', 'Choose another name, or remove the schedule first.'],
  'window-malformed': ['refused', "Write e.g. 'Mon-Fri 22:00-06:00 Europe/Berlin'."],
  'local-limit': ['unreachable', 'Raise the limit of open files (ulimit -n), or lower --concurrency.'],
  'settings-malformed': ['refused', 'Correct the file, or remove it.'],
  'outgoing-denied': ['denied', 'Allow outgoing requests in the configuration.'],
  internal: ['bug', 'Report it with the message.']
} as const satisfies Record<string, readonly [FaultKind, string]>

/** A code of {@link faultCodes}. */
export type FaultCode = keyof typeof faultCodes

/** Facts about a fault: small values, never a secret. */
export type FaultFacts = Readonly<Record<string, string | number | boolean | readonly string[]>>

/**
 * The one error class of the product. Its message is a sentence for a person: what happened, with field and
 * value, and what to do. Expected outcomes (a server that refuses a handshake) are values, not faults.
 */
export class Fault extends Error {
  readonly code: FaultCode
  readonly kind: FaultKind
  readonly facts: FaultFacts

  constructor(code: FaultCode, message: string, facts: FaultFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Fault'
    this.code = code
    this.kind = faultCodes[code][0]
    this.facts = facts
  }
}

/** Any thrown value as a Fault: an unknown throw is a bug, with the original as its cause. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new Fault('internal', `Tlsward made a mistake: ${message}`, {}, thrown)
}
