import type { Endpoint } from '../appliance/records.ts'
import type { Seen } from './handshakes.ts'
import type { Replaced } from './replacement.ts'

/** What came otherwise than it should have, a sentence each; none when everything is as expected. */
export function differences(all: readonly Replaced[], endpoints: readonly Endpoint[]): string[] {
  return all.flatMap((one) => {
    const { server, event, after } = one
    const known = endpoints.find(({ port }) => port === server.port)?.certificates ?? []
    const wrong = [
      ...(isAs(event.state, server.ends) ? [] : [`event ${event.id} is ${event.state}: ${event.why}`]),
      ...(server.ends === 'live' ? unproven(one) : changed(one)),
      ...(same(known, after) ? [] : ['the inventory knows other certificates than a handshake shows'])
    ]
    return wrong.map((text) => `${server.name}: ${text}`)
  })
}

const isAs = (state: string, wanted: string) => state === wanted || (state === 'cleaned' && wanted === 'live')

function unproven({ event, before, after, failover }: Replaced): string[] {
  const other = failover && !same(after, failover.after) ? [`${failover.to} shows another certificate`] : []
  const wrong = after.flatMap(({ family, fingerprint, versions, trusted, notAfter }) => [
    ...(event.certificates.includes(fingerprint) ? [] : [`${family}: it does not show the new certificate`]),
    ...(versions.length === 2 ? [] : [`${family}: TLS ${versions.join(' and ')} only shows it`]),
    ...(trusted ? [] : [`${family}: it is not trusted for its name`]),
    ...(before.every((was) => was.notAfter < notAfter) ? [] : [`${family}: it expires no later than before`])
  ])
  return [...wrong, ...other]
}

function changed({ before, after }: Replaced): string[] {
  return same(before, after) ? [] : ['it does not show its old certificate again']
}

type Shown = readonly Pick<Seen, 'fingerprint'>[]

function same(one: Shown, other: Shown): boolean {
  const text = (list: Shown) =>
    list
      .map(({ fingerprint }) => fingerprint)
      .toSorted()
      .join(' ')
  return text(one) === text(other)
}
