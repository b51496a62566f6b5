import 'reflect-metadata'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints
} from '@peculiar/asn1-x509'
import { Extension } from '@peculiar/x509'
import { parseAddress } from '../core/address.ts'
import { Fault } from '../core/fault.ts'
import { visible } from '../core/text.ts'
import { canonicalName } from './subject-names.ts'

/** Names that a CA may sign: those at or below the domains, and addresses inside the networks (CIDR). */
export interface PermittedNames {
  readonly domains: readonly string[]
  readonly networks: readonly string[]
}

/**
 * The name constraints of a CA (RFC 5280 §4.2.1.10). Constraints say nothing of the kinds of names that they do not
 * mention: a kind of which nothing is permitted is excluded whole. Faults: name-malformed.
 */
export function constraintsOf({ domains, networks }: PermittedNames): Extension {
  const dns = domains.map(checkedDomain).map((dNSName) => new GeneralName({ dNSName }))
  const addresses = networks.map(checkedNetwork).map((iPAddress) => new GeneralName({ iPAddress }))
  const permitted = [...dns, ...addresses]
  const excluded = [
    ...(dns.length === 0 ? [new GeneralName({ dNSName: '' })] : []),
    ...(networks.some((one) => !one.includes(':')) ? [] : [new GeneralName({ iPAddress: '0.0.0.0/0' })]),
    ...(networks.some((one) => one.includes(':')) ? [] : [new GeneralName({ iPAddress: '::/0' })])
  ]
  const subtrees = (bases: readonly GeneralName[]) =>
    new GeneralSubtrees(bases.map((base) => new GeneralSubtree({ base })))
  const value = new NameConstraints({
    ...(permitted.length > 0 ? { permittedSubtrees: subtrees(permitted) } : {}),
    ...(excluded.length > 0 ? { excludedSubtrees: subtrees(excluded) } : {})
  })
  return new Extension(id_ce_nameConstraints, true, AsnConvert.serialize(value))
}

function checkedNetwork(text: string): string {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const isKnown = parseAddress(address) !== undefined && Number(length) <= (address.includes(':') ? 128 : 32)
  if (isKnown) return text
  throw new Fault(
    'name-malformed',
    `network ${visible(JSON.stringify(text))} is no CIDR. Write e.g. 10.0.0.0/8.`,
    {
      name: visible(text)
    }
  )
}

function checkedDomain(text: string): string {
  const domain = text.startsWith('*') ? undefined : canonicalName(text)
  if (domain !== undefined && parseAddress(domain) === undefined) return domain
  throw new Fault(
    'name-malformed',
    `domain ${visible(JSON.stringify(text))} is none. Write e.g. corp.example.`,
    { name: visible(text) }
  )
}
