import type { AutomationEvent, Binding, Happening, PlanRecord } from '../../appliance/automation-records.ts'
import type { Screen } from '../../appliance/cli/screen.ts'

/** A screen without colours, of `width` columns. */
export function plainScreen(width = Infinity): Screen {
  const plain = (_tone: string, text: string) => text
  return { paint: plain, paintNote: plain, width, noteWidth: width } as unknown as Screen
}

export const now = Date.parse('2026-11-25T12:00:00Z')

/** Text of a peer that would act on a terminal. */
export const hostile = 'shop\u001b[31m\r\n\u202ered'

export function slot(change: Partial<Binding['slots'][number]> = {}): Binding['slots'][number] {
  return {
    family: 'ecdsa',
    fingerprint: '3fa9c2'.padEnd(64, '0'),
    object: '/tls/shop.crt',
    names: ['shop.test'],
    notAfter: '2026-12-07T12:00:00Z',
    ...change
  }
}

export function binding(change: Partial<Binding> = {}): Binding {
  return {
    type: 'binding',
    schema: 1,
    device: 'web1',
    target: 'nginx:/tls/shop.crt',
    title: 'nginx certificate /tls/shop.crt',
    kind: 'server block',
    slots: [slot()],
    served: [{ address: '10.0.0.5', port: 443, name: 'shop.test', starttls: null }],
    shares: [],
    unmanaged: null,
    profile: null,
    drift: [],
    ...change
  }
}

export function event(change: Partial<AutomationEvent> = {}): AutomationEvent {
  return {
    type: 'event',
    schema: 1,
    id: 12,
    action: 'replace',
    state: 'deploying',
    why: 'every target is as planned',
    profile: 'web',
    requestedBy: 'alice',
    requestedAt: '2026-11-25T11:00:00Z',
    startAt: '1970-01-01T00:00:00Z',
    hours: 'window',
    nextAt: null,
    names: ['shop.test', 'www.shop.test'],
    hash: '9c1f04a7b2e85d36'.padEnd(64, '0'),
    approvedBy: null,
    lostNames: [],
    certificates: [],
    unissued: 1,
    deployments: [
      {
        device: 'web1',
        target: 'nginx:/tls/shop.crt',
        state: 'waiting',
        why: 'its turn comes',
        since: '2026-11-25T11:00:00Z',
        steps: []
      }
    ],
    endedAt: null,
    ...change
  }
}

export function happening(change: Partial<Happening> = {}): Happening {
  return {
    type: 'happening',
    schema: 1,
    event: 12,
    at: '2026-11-25T11:00:07Z',
    who: 'tlsward',
    what: 'deploying',
    why: 'the device is as planned',
    target: 'web1/nginx:/tls/shop.crt',
    ...change
  }
}

export function plan(change: Partial<PlanRecord> = {}): PlanRecord {
  return {
    type: 'plan',
    schema: 1,
    event: 12,
    hash: '9c1f04a7b2e85d36'.padEnd(64, '0'),
    device: 'web1',
    target: 'nginx:/tls/shop.crt',
    steps: [
      { id: 'stage', says: 'write the new pair beside the old one' },
      { id: 'switch', says: 'let the links point to it' }
    ],
    before: [slot()],
    served: [{ address: '10.0.0.5', port: 443, name: 'shop.test', starttls: null }],
    shares: [],
    warnings: [],
    ...change
  }
}
