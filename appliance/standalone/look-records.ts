import { groupName } from '../../sensor/scan/deep/groups.ts'
import type { DeepReport } from '../../sensor/scan/deep/report.ts'
import { weaknessesOf } from '../../sensor/scan/deep/weaknesses.ts'
import { suiteName, versionName } from '../../sensor/scan/probe/suites.ts'
import type { Revocation as RevocationAnswer } from '../../sensor/scan/revocation.ts'
import type { SshHostKeys } from '../../sensor/scan/ssh-keys.ts'
import { instant } from '../leaf-record.ts'
import type { Deep, Leaf, Revocation, Ssh } from '../records.ts'
import { schemaVersion } from '../schema-version.ts'

/** A deep report with the names of numbers, and the weaknesses that it shows. */
export function deepRecord(report: DeepReport): Deep {
  const { starttls: _, staple: _staple, groups, ...rest } = report
  return {
    type: 'deep',
    schema: schemaVersion,
    ...rest,
    at: instant(report.at),
    versions: report.versions.map((one) => ({
      ...one,
      version: versionName(one.version),
      suites: one.suites.map(suiteName)
    })),
    groups: {
      tls13: groups.tls13 && groups.tls13.map(groupName),
      ecdhe: groups.ecdhe && groups.ecdhe.map(groupName)
    },
    weaknesses: weaknessesOf(report)
  }
}

/** The host keys of an SSH server, looked at at that time. */
export function sshRecord(
  { address, port }: Pick<Ssh, 'address' | 'port'>,
  seen: SshHostKeys,
  at: number
): Ssh {
  return { type: 'ssh', schema: schemaVersion, address, port, at: instant(at), ...seen }
}

/** What asking about a certificate came to; null: nobody could be asked, for want of its issuer. */
export function revocationRecord(
  { fingerprint, label }: Leaf,
  answer: RevocationAnswer | null,
  at: number
): Revocation {
  const source = answer && 'thisUpdate' in answer ? answer : null
  return {
    type: 'revocation',
    schema: schemaVersion,
    fingerprint,
    label,
    at: instant(at),
    outcome: answer?.outcome ?? 'no-issuer',
    by: source?.by ?? null,
    url: source?.url ?? null,
    thisUpdate: source && instant(source.thisUpdate),
    nextUpdate: source?.nextUpdate ? instant(source.nextUpdate) : null,
    revokedAt: answer?.outcome === 'revoked' ? instant(answer.at) : null,
    reason: answer?.outcome === 'revoked' ? answer.reason : null,
    attempts: answer?.outcome === 'unavailable' ? answer.attempts : []
  }
}
