import t from 'tap'
import { createProgram } from '../../appliance/cli/program.ts'
import { exitCodeOfEvent } from '../../appliance/cli/automation/follow.ts'
import { bindingView, checkLines, deviceView, foundView } from '../../appliance/cli/views/devices.ts'
import { progressAfter, progressLines, progressOf } from '../../appliance/cli/views/event-progress.ts'
import {
  eventLines,
  eventView,
  happeningLine,
  historyLines,
  nextAct,
  stateTone
} from '../../appliance/cli/views/events.ts'
import { issuerLines, issuerView, settingsText } from '../../appliance/cli/views/issuers.ts'
import { planCsv, planLines } from '../../appliance/cli/views/plans.ts'
import { profileLines, profileView } from '../../appliance/cli/views/profiles.ts'
import { reasonLines } from '../../appliance/cli/views/reasons.ts'
import { tableLines } from '../../appliance/cli/table.ts'
import type { AutomationEvent } from '../../appliance/automation-records.ts'
import { faultKinds } from '../../core/fault.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import { authentications, privacies } from '../../sensor/identify/snmp.ts'
import { binding, event, happening, hostile, now, plainScreen, plan, slot } from './cli-records.ts'

const screen = plainScreen()
const controls = /[\u0000-\u001f\u202e]/

/** The cells of a view as plain text. */
function texts(cells: readonly (string | { readonly text: string })[]): string[] {
  return cells.map((cell) => (typeof cell === 'string' ? cell : cell.text))
}

t.test('a plan is shown whole: steps, what is there, what shares it, where it is seen', (t) => {
  const shares = [
    { what: 'server shop.test (/etc/nginx/shop.conf:12)', names: ['shop.test'] },
    { what: 'server www (/etc/nginx/www.conf:3)', names: [] }
  ]
  const warnings = ['the reload also brings pending edits of /etc/nginx/www.conf']
  const lines = planLines(screen, { event: event(), plans: [plan({ shares, warnings })] }, now)
  t.same(lines, [
    'Event 12  replace, profile web',
    '  names     shop.test, www.shop.test',
    '',
    'web1/nginx:/tls/shop.crt',
    '  now       ecdsa 3fa9c2000000, expires 7 Dec 2026, in 12 d, /tls/shop.crt',
    '  step 1    write the new pair beside the old one',
    '  step 2    let the links point to it',
    '  seen at   10.0.0.5:443 shop.test',
    '  used by   server shop.test (/etc/nginx/shop.conf:12) (shop.test)',
    '            server www (/etc/nginx/www.conf:3)',
    '  ! the reload also brings pending edits of /etc/nginx/www.conf',
    '',
    `  plan      ${'9c1f04a7b2e85d36'.padEnd(64, '0')}`
  ])
  const later = planLines(screen, { event: event({ startAt: '2026-11-28T01:00:00Z' }), plans: [] }, now)
  t.match(later[2], /begins +28 Nov 2026, .*in 2 d, or when a window/)
  const row = Object.fromEntries(planCsv.csv.map(([head, value]) => [head, value(plan({ shares }))]))
  t.match(row, { steps: 'stage switch', served: '10.0.0.5:443 shop.test' })
  t.end()
})

t.test('progress follows what happens to each target', (t) => {
  let progress = progressOf(event())
  const lines = () => progressLines(plainScreen(100), progress, 7_000)
  t.match(lines()[1], /^web1\/nginx:\/tls\/shop\.crt +waiting +its turn comes$/)
  progress = progressAfter(progress, happening())
  progress = progressAfter(progress, happening({ what: 'step done', why: 'Write it' }))
  t.match(lines()[0], /^TARGET +STATE +WHY$/)
  t.match(lines()[1], /deploying +step done: Write it$/, 'a step leaves the state as it is')
  progress = progressAfter(progress, happening({ what: 'verifying', why: 'all steps are done' }))
  t.match(lines()[1], /verifying +all steps are done$/)
  progress = progressAfter(progress, happening({ target: null, what: 'live', why: 'live at 1 target' }))
  t.equal(lines().at(-1), 'Event 12 live · 7 s · live at 1 target')
  for (const line of progressLines(plainScreen(40), progress, 7_000))
    t.ok(line.length <= 40, `no line is wider than the terminal: ${line}`)
  t.equal(progressOf(event()).targets.size, 1)
  t.end()
})

const states: readonly (readonly [AutomationEvent['state'], number])[] = [
  ['live', 0],
  ['cleaned', 0],
  ['rolled-back', 9],
  ['stuck', 10],
  ['failed', 11],
  ['needs-approval', 12],
  ['issuing', 12],
  ['waiting', 12],
  ['cancelled', 13],
  ['scheduled', 14]
]

t.test('the exit code tells how an event ended, and is that of no fault', (t) => {
  const help: string[] = []
  const program = createProgram(() => Promise.resolve(), '')
  program.configureOutput({ writeOut: (text) => help.push(text) }).outputHelp()
  const codesOfFaults = Object.values(faultKinds).map(({ exitCode }) => exitCode)
  for (const [state, code] of states) {
    t.equal(exitCodeOfEvent(event({ state })), code, state)
    t.notOk(codesOfFaults.includes(code), `${code} is free`)
    t.match(help.join(''), new RegExp(`\\b${code}\\b`), `the help has ${code}`)
  }
  t.end()
})

t.test('an event that waits for a person says what that person does', (t) => {
  const approval = nextAct(event({ state: 'needs-approval' }))
  t.match(approval, /tlsward events approve 12 --hash 9c1f04a7b2e85d36$/)
  t.match(nextAct(event({ state: 'issuing' })), /tlsward events csr 12.*tlsward events certificate 12/)
  t.match(
    nextAct(event({ state: 'needs-approval', lostNames: ['www.shop.test'] })),
    /--hash 9c1f04a7b2e85d36 --accept-lost-names$/
  )
  const retry = (issued: number, unissued: number) =>
    nextAct(event({ state: 'failed', certificates: Array(issued).fill('ab'), unissued }))
  t.match(
    retry(1, 0),
    /tlsward events retry 12\. It uses the certificate that was issued, and orders none\.$/
  )
  t.match(retry(0, 1), /No certificate was issued yet: it orders one\.$/)
  t.match(retry(1, 1), /orders the one that was not\.$/)
  t.match(nextAct(event({ state: 'stuck' })), /tlsward events retry 12/)
  t.equal(nextAct(event({ state: 'live' })), undefined)
  t.end()
})

t.test('an event is shown with all that led to it', (t) => {
  const lines = eventLines(screen, event({ nextAt: '2026-11-25T12:05:00Z', approvedBy: 'bob' }), now)
  t.equal(lines[0], 'Event 12 is deploying: every target is as planned')
  t.match(lines.join('\n'), /Asked +25 Nov 2026.* 1 h ago, by alice\n/)
  t.match(lines.join('\n'), /Approved by +bob\nLooked at next .*in 5 min\n/)
  t.match(lines.join('\n'), /TARGET .*\nweb1\/nginx:\/tls\/shop\.crt +waiting +its turn comes/)
  t.notMatch(lines.join('\n'), /Not before|1970/)
  const [, line] = historyLines(screen, [happening({ what: 'stage', why: 'done' })])
  t.match(line, /tlsward +stage +web1\/nginx:\/tls\/shop\.crt +done$/)
  t.equal(
    happeningLine(happening()),
    '11:00:07Z web1/nginx:/tls/shop.crt deploying: the device is as planned'
  )
  t.equal(happeningLine(happening({ target: null })), '11:00:07Z deploying: the device is as planned')
  t.end()
})

t.test('a list of events fits a narrow terminal', (t) => {
  const view = eventView(screen, now)
  const rows = [view.cells(event({ names: ['a.test', 'b.test', 'c.test', 'd.test', 'e.test'] }))]
  const wide = tableLines(view.columns, rows, { width: Infinity, head: (text) => text })[1]
  t.match(wide, /^ *12 +deploying +replace +a\.test, b\.test, c\.test, and 2 more +1 +web +1 h ago +every/)
  const narrow = tableLines(view.columns, rows, { width: 60, head: (text) => text })[1] ?? ''
  t.match(narrow, /^ *12 +deploying /)
  t.ok(narrow.length <= 60)
  t.end()
})

t.test('states have the tones of what they mean', (t) => {
  t.equal(stateTone('live'), 'good')
  t.equal(stateTone('rolled-back'), 'bad')
  t.equal(stateTone('deploying'), 'running')
  t.end()
})

t.test('a device says what its login lacks, and how to give it', (t) => {
  const lines = checkLines(screen, {
    type: 'check',
    schema: 1,
    device: 'web1',
    product: 'nginx',
    version: '1.26.0',
    role: 'single',
    rights: [
      { what: 'read /etc/nginx', granted: true, remedy: null },
      { what: 'reload nginx', granted: false, remedy: `deploy ALL=(root) ${'x'.repeat(300)}\nsecond line` }
    ],
    notes: ['pending edits']
  })
  t.match(
    lines.join('\n'),
    /✓ read \/etc\/nginx\n {2}✗ reload nginx\n\n {2}deploy ALL=\(root\) x{300}\n {2}second/
  )
  t.match(lines.at(-1), /! pending edits/)
  t.end()
})

t.test('a target shows its keys, its places, who shares it, and why it is left alone', (t) => {
  const view = bindingView(screen, now)
  const one = binding({
    slots: [slot(), slot({ family: 'rsa', notAfter: '2026-11-26T12:00:00Z' })],
    shares: [
      { what: 'server a', names: [] },
      { what: 'server b', names: [] }
    ],
    unmanaged: { code: 'managed-elsewhere', why: 'certbot writes it' },
    drift: ['the wire shows another certificate']
  })
  t.same(texts(view.cells(one)), ['web1/nginx:/tls/shop.crt', 'ecdsa rsa', '26 Nov 2026, in 1 d', ''])
  t.same(view.below(one), [
    '  at 10.0.0.5:443 shop.test',
    '  used by server a; server b',
    '  the wire shows another certificate',
    '  certbot writes it'
  ])
  const empty = Object.fromEntries(view.csv.map(([head, value]) => [head, value(binding({ slots: [] }))]))
  t.equal(empty['not_after'], null)
  t.end()
})

t.test('a profile is shown field by field, as it can be set', (t) => {
  const content = wholeProfile({
    issuer: 'ca',
    keyTypes: ['ec-p256', 'rsa-2048'],
    windows: { hours: 'Sat 01:00-05:00 Europe/Berlin', blackOuts: [] }
  })
  const profile = {
    type: 'profile',
    schema: 1,
    name: 'web',
    content,
    targets: 1,
    createdAt: '2026-11-25T11:00:00Z'
  } as const
  const lines = profileLines(screen, profile)
  t.equal(lines[0], 'web  renews 1 target by itself')
  t.match(lines.join('\n'), /keyTypes +ec-p256,rsa-2048\n/)
  t.match(lines.join('\n'), /windows\.hours +Sat 01:00-05:00 Europe\/Berlin\n/)
  t.match(lines.join('\n'), /names\.rule +served\n/)
  t.same(texts(profileView.cells(profile)).slice(0, 4), [
    'web',
    'ca',
    'ec-p256,rsa-2048',
    'Sat 01:00-05:00 Europe/Berlin'
  ])
  t.end()
})

t.test('an issuer is shown with the settings that say something', (t) => {
  const settings = {
    url: 'https://ca.test/dir',
    roots: '-----BEGIN\nMII',
    contact: [],
    proxy: null,
    days: 90
  }
  t.equal(settingsText(settings), 'url=https://ca.test/dir roots=-----BEGIN… days=90')
  const issuer = {
    type: 'issuer',
    schema: 1,
    name: hostile,
    kind: 'acme',
    settings: { url: hostile },
    createdAt: '2026-11-25T11:00:00Z'
  } as const
  t.notMatch(texts(issuerView.cells(issuer)).join(''), controls)
  t.match(
    issuerLines(screen, {
      type: 'issuer-check',
      schema: 1,
      issuer: 'ca',
      facts: ['offers x'],
      problems: [],
      warnings: ['ends soon'],
      roots: ['PEM']
    }),
    ['ca  answers', '  offers x', /^ {2}it has 1 root of its own.*--roots$/, '  ! ends soon']
  )
  t.end()
})

t.test('reasons are sentences with the code to look up', (t) => {
  const lines = reasonLines(screen, [
    {
      type: 'reason',
      schema: 1,
      device: 'web1',
      target: 'x',
      code: 'read-only',
      says: 'device web1 is only read',
      at: null
    }
  ])
  t.same(lines, ['  Device web1 is only read  [read-only]'])
  t.end()
})

t.test('what devices and CAs wrote cannot steer a terminal', (t) => {
  const place = { address: hostile, port: 443, name: hostile, starttls: hostile }
  const bad = plan({
    device: hostile,
    target: hostile,
    steps: [{ id: hostile, says: hostile }],
    before: [slot({ object: hostile, names: [hostile] })],
    served: [place],
    shares: [
      { what: hostile, names: [hostile] },
      { what: hostile, names: [] }
    ],
    warnings: [hostile]
  })
  const [deployment] = event().deployments
  const all = event({
    names: [hostile],
    why: hostile,
    profile: hostile,
    requestedBy: hostile,
    approvedBy: hostile,
    deployments: deployment ? [{ ...deployment, target: hostile, why: hostile, steps: [hostile] }] : []
  })
  const says = happening({ what: hostile, why: hostile, who: hostile, target: hostile })
  const view = bindingView(screen, now)
  const hostileBinding = binding({
    target: hostile,
    served: [place],
    shares: [
      { what: hostile, names: [] },
      { what: hostile, names: [] }
    ],
    unmanaged: { code: 'unsupported', why: hostile },
    drift: [hostile],
    profile: hostile
  })
  const lines = [
    ...planLines(screen, { event: all, plans: [bad] }, now),
    ...eventLines(screen, all, now),
    ...texts(eventView(screen, now).cells(all)),
    ...historyLines(screen, [says]),
    happeningLine(says),
    ...progressLines(screen, progressAfter(progressOf(all), says), 0),
    ...texts(view.cells(hostileBinding)),
    ...view.below(hostileBinding),
    ...texts(
      foundView(screen).cells({
        type: 'found-device',
        schema: 1,
        address: '10.0.0.1',
        product: hostile,
        version: hostile,
        failover: hostile,
        sync: hostile,
        connector: hostile,
        device: hostile,
        objectId: '1.3',
        name: hostile,
        description: hostile,
        serial: hostile
      })
    ),
    ...texts(
      deviceView(screen).cells({
        type: 'device',
        schema: 1,
        name: hostile,
        connector: hostile,
        place: hostile,
        writable: true,
        product: hostile,
        version: hostile,
        role: 'single',
        checkedAt: null,
        missingRights: 1,
        barred: hostile,
        createdAt: '2026-11-25T11:00:00Z'
      })
    )
  ]
  for (const line of lines) t.notMatch(line, controls)
  t.end()
})

t.test('the help offers the algorithms that SNMP is asked with', (t) => {
  const program = createProgram(() => Promise.resolve(), '')
  const device = program.commands.find((command) => command.name() === 'device')
  const find = device?.commands.find((command) => command.name() === 'find')
  const choices = (long: string) => find?.options.find((option) => option.long === long)?.argChoices
  t.same(choices('--auth'), authentications)
  t.same(choices('--priv'), privacies)
  t.end()
})
