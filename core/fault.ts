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
  'run-missing': ['refused', 'Start tlsward run (docs/operations.md), or leave --no-wait out.'],
  'confirmation-needed': ['refused', 'Repeat with --yes once the size is what you meant.'],
  'state-unwritable': ['denied', 'Give --state a directory that this account may write.'],
  'state-unsafe': ['denied', 'Take the right to write it from group and others: chmod go-w.'],
  'state-foreign': [
    'denied',
    'Run it as the account that the directory belongs to: sudo -u ACCOUNT tlsward …'
  ],
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
  'key-malformed': ['malformed', 'Give one private key, PEM: PKCS#8, PKCS#1 or SEC1.'],
  'key-unsupported': ['refused', 'Use an RSA key of 2048, 3072 or 4096 bits, or EC P-256 or P-384.'],
  'passphrase-wrong': ['denied', 'Give the passphrase that the key or the PKCS#12 file was encrypted with.'],
  'pkcs12-malformed': ['malformed', 'Export the file again: one key with its certificates, AES or 3DES.'],
  'name-malformed': ['refused', 'Write host names, *.domain, or IP addresses.'],
  'subject-malformed': ['refused', 'Correct the field of the subject that the message names.'],
  'csr-malformed': ['malformed', 'Give one PKCS#10 request that its own key has signed.'],
  'name-not-permitted': ['refused', 'Ask for names that the CA may sign, or choose another issuer.'],
  'ca-unfit': ['conflict', 'Renew the CA, or name another one.'],
  'certificate-foreign': ['refused', 'Revoke the certificate where it comes from.'],
  'key-missing': ['missing', 'Restore the vault that held the key, or make a new one.'],
  'order-changed': ['conflict', 'Begin a new order.'],
  'request-inconsistent': ['bug', 'Report it with the message.'],
  'challenge-unfit': ['refused', 'Choose another way to prove names, or validate them at the CA.'],
  'script-unfit': ['refused', 'Name a program by its absolute path, which only its owner may write.'],
  'script-failed': ['unreachable', 'Run the script by hand to see why.'],
  'listener-unavailable': ['busy', 'Free the port, or set another one.'],
  'dns-unreachable': ['unreachable', 'Check the address of the DNS server, and that its TCP port is open.'],
  'dns-malformed': ['malformed', 'Check that the address is that of a DNS server.'],
  'dns-zone-missing': ['missing', 'Check the name, or name the zone in the settings.'],
  'dns-refused': ['denied', 'Allow the key to change TXT records of the name (update-policy).'],
  'dns-key-wrong': ['denied', 'Give name, algorithm and secret of the TSIG key as the DNS server has them.'],
  'dns-clock-wrong': ['conflict', 'Set the clocks of this machine and of the DNS server.'],
  'chain-unfit': ['refused', 'Give the certificate of this request with its intermediates.'],
  'schedule-missing': ['missing', 'See tlsward scans list.'],
  'schedule-exists': ['conflict', 'Choose another name, or remove the schedule first.'],
  'window-malformed': ['refused', "Write e.g. 'Mon-Fri 22:00-06:00 Europe/Berlin'."],
  'local-limit': ['unreachable', 'Raise the limit of open files (ulimit -n), or lower --concurrency.'],
  'settings-malformed': ['refused', 'Correct the file, or remove it.'],
  'settings-unsafe': [
    'denied',
    'Give it to root or to the account that runs tlsward, and let nobody else write it: chmod go-w.'
  ],
  'acme-settings': ['refused', 'Correct the settings of the CA: the message names the one that is wrong.'],
  'acme-key': [
    'refused',
    'Give a private key as PKCS#8 PEM: RSA of 2048 bits or more, P-256, P-384 or P-521.'
  ],
  'acme-refused': ['refused', 'See what the CA says: it will not do this however often it is asked.'],
  'acme-validation': [
    'refused',
    'Make the place of validation show what the CA wants to see, then order again.'
  ],
  'acme-account': ['denied', 'Check the account at the CA: its state, its rights, its external binding.'],
  'acme-conflict': ['conflict', 'Read the order again: it is in another state than was thought.'],
  'acme-order-lost': ['conflict', 'Check the network to the CA, then begin again.'],
  'acme-missing': ['missing', 'The CA has it no longer: place a new order.'],
  'acme-unsupported': ['refused', 'Use a CA that offers it, or do without.'],
  'acme-rate-limited': ['busy', 'Wait until the CA allows it again; the message says when, if the CA does.'],
  'acme-unavailable': ['busy', 'Wait: the CA has trouble of its own.'],
  'acme-unreachable': ['unreachable', 'Check the network, the proxy, and the address of the CA.'],
  'acme-untrusted': [
    'refused',
    'Give the root that the TLS certificate of the CA is issued under, or its right name.'
  ],
  'acme-malformed': ['malformed', 'Check that the address is that of an ACME directory; else tell the CA.'],
  'outgoing-denied': ['denied', 'Allow outgoing requests in the configuration.'],
  'vault-locked': [
    'denied',
    'Give what the vault was sealed with: the key file, the passphrase or the systemd credential.'
  ],
  'vault-key-unsafe': ['denied', 'Give the key file to the account that runs tlsward, with mode 0600.'],
  'vault-source-malformed': [
    'refused',
    'Give a longer passphrase, or a systemd credential of at least 32 random bytes.'
  ],
  'vault-broken': ['malformed', 'Give the value that the message names again, or restore a backup.'],
  'secret-missing': ['missing', 'Give the value that the message names.'],
  'secret-exists': ['conflict', 'Drop the key that the message names first: a key in use is never replaced.'],
  'reference-malformed': ['refused', 'Write env-file:/path#NAME or vault-kv:mount/path#field.'],
  'reference-missing': ['missing', 'Put the value where the reference points, or correct the reference.'],
  'reference-denied': ['denied', 'Grant the right to read what the reference points to.'],
  'reference-unreachable': ['unreachable', 'Check the address and the certificate of the secret store.'],
  'device-exists': ['conflict', 'Choose another name, or remove the device first.'],
  'device-missing': ['missing', 'See tlsward device list.'],
  'device-unreachable': ['unreachable', 'Check address, port and firewall; the work is tried again.'],
  'device-sign-in': ['denied', 'Correct the credentials: a refused sign-in is not tried again by itself.'],
  'device-pin': [
    'conflict',
    'Find out why the device shows another key; accept it with tlsward device check --accept only then.'
  ],
  'device-right': ['denied', 'Grant the right that the message names; tlsward device check shows them all.'],
  'device-read-only': ['denied', 'Allow writing with tlsward device allow, once its check is clean.'],
  'device-busy': ['busy', 'Somebody else works on the device; the work is tried again.'],
  'device-full': ['unreachable', 'Free disk space on the device; the work is tried again.'],
  'device-broken': ['conflict', 'Mend the configuration of the device; nothing was changed.'],
  'key-place': [
    'refused',
    'Have the key made elsewhere: set keyPlace of the profile as the message says, or use another profile.'
  ],
  'device-changed': ['conflict', 'Look at the new plan: the device changed since the old one was made.'],
  'device-refused': ['refused', 'The device did not accept what it was given; the message has its words.'],
  'device-malformed': ['malformed', 'Report it with the version of the device and the message.'],
  'device-managed-elsewhere': [
    'refused',
    'Something else writes this certificate: renew it there, or take it away from there first.'
  ],
  'device-others-can-write': [
    'refused',
    'Take the right to write away from the others, as the message says, and discover the device again.'
  ],
  'device-unsupported': [
    'refused',
    'This version cannot replace it in this place: arrange the place as the message says, or replace it by hand.'
  ],
  'target-missing': ['missing', 'See tlsward device discover for the targets of the device.'],
  'socket-taken': ['busy', 'End the other tlsward run first, or use another --state.'],
  'socket-foreign': [
    'denied',
    'Find out who put it there, and remove it: nothing was sent. tlsward run makes a new one.'
  ],
  'socket-silent': ['busy', 'Repeat it in a moment; if it stays so, look at the process that is named.'],
  'socket-limit': ['refused', 'Give less at a time, or stop tlsward run for this command.'],
  'socket-malformed': ['malformed', 'Use the same version of tlsward for the command and for tlsward run.'],
  'socket-lost': ['unreachable', 'See whether tlsward run is still up; what it had accepted is kept.'],
  'device-used': [
    'conflict',
    'Take its targets out of their profiles, and let its open events end, or cancel them.'
  ],
  'device-unchecked': ['conflict', 'Run tlsward device check first, then allow writing.'],
  'device-same': [
    'conflict',
    'Use the device that there is, or allow a second one for the machine with --same-machine.'
  ],
  'target-owned': ['conflict', 'Let one device renew it: take it out of the profile on the other.'],
  'connector-missing': ['missing', 'Use a version that has the connector, or remove the device.'],
  'names-none': ['refused', 'Give names in the profile: the targets hold no certificate to take them from.'],
  'names-lost': [
    'refused',
    'Give the profile the names too, or accept that they lose their certificate: --accept-lost-names.'
  ],
  'names-changed': ['conflict', 'Begin a new event: the targets want other names than were ordered.'],
  'issuer-missing': ['missing', 'See tlsward issuer list.'],
  'issuer-exists': ['conflict', 'Choose another name, or remove the issuer first.'],
  'issuer-malformed': ['refused', 'Correct the field that the message names.'],
  'issuer-used': ['conflict', 'Give the profiles that use it another issuer, and let its events end first.'],
  'profile-missing': ['missing', 'See tlsward profile list.'],
  'profile-used': ['conflict', 'Give the targets that use it another profile first.'],
  'profile-malformed': ['refused', 'Correct the field that the message names.'],
  'event-missing': ['missing', 'See tlsward events.'],
  'event-state': ['conflict', 'Look where the event stands: it cannot do that from there.'],
  'approval-stale': ['conflict', 'Look at the new preview and approve that: the plan has changed since.'],
  'issued-flawed': [
    'refused',
    'Correct the profile or the issuer: the certificate that it gave cannot be used.'
  ],
  'key-gone': ['conflict', 'Begin a new event: the key of this one is no longer kept.'],
  'wire-unserved': [
    'refused',
    'Have the target served where handshakes may be made, under a name that the certificate covers.'
  ],
  'wire-differs': ['conflict', 'See what the endpoints showed in the history of the event; then retry.'],
  'engine-running': ['busy', 'Use the process that runs already, or stop it first.'],
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
