import t from 'tap'
import { checkNames, expandDashes, nearestCommand } from '../../appliance/cli/arguments.ts'
import { completionScript } from '../../appliance/cli/completion.ts'
import { faultOf, failureText, exitCodeOf } from '../../appliance/cli/failure.ts'
import { commaList, joined, span, wholeNumber } from '../../appliance/cli/options.ts'
import { createProgram } from '../../appliance/cli/program.ts'
import { places } from '../../appliance/places.ts'
import { Fault } from '../../core/fault.ts'

const program = () => createProgram(() => Promise.resolve(), '1.2.3')

/** What the program says to a wrong command line. */
function complaint(...words: string[]): string {
  const tree = program()
  try {
    checkNames(tree, expandDashes(tree, words))
    tree.parse(expandDashes(tree, words), { from: 'user' })
  } catch (thrown) {
    const fault = faultOf(thrown)
    return fault ? `${exitCodeOf(fault)} ${failureText(fault, nearestCommand(tree, words))}` : 'help'
  }
  return 'taken'
}

t.test('a long option of tlsx with one dash is understood', (t) => {
  const tree = program()
  t.same(expandDashes(tree, ['scan', '-json', '-ports=443', '-p', '443', '-qy']), [
    'scan',
    '--json',
    '--ports=443',
    '-p',
    '443',
    '-qy'
  ])
  t.same(expandDashes(tree, ['scan', '--', '-json']), ['scan', '--', '-json'])
  t.end()
})

t.test('a wrong command line says what is wrong, what was meant and whose help to read', (t) => {
  t.equal(
    complaint('scan', '10.0.0.1', '--prots', '443'),
    "2 tlsward: unknown option '--prots'. Did you mean --ports? See tlsward scan --help. [option-unknown]"
  )
  t.equal(
    complaint('scna'),
    "2 tlsward: unknown command 'scna'. Did you mean scan? See tlsward --help. [option-malformed]"
  )
  t.equal(
    complaint('scan', '--rate', '0', 'a.test'),
    "2 tlsward: --rate is '0': write a whole number from 1 to 1000000. See tlsward scan --help. [option-malformed]"
  )
  t.match(complaint('scan', '--from', 'nessus', 'x'), /'nessus' is invalid. Allowed choices are nmap/)
  t.match(complaint('scan', '--json', '--csv', 'x'), /cannot be used with/)
  t.match(complaint('certificate', 'show'), /missing required argument/)
  t.match(complaint('scans', 'add', 'x', '10.0.0.1'), /'--every <SPAN>' not specified/)
  t.equal(complaint('scan', 'a.test'), 'taken')
  t.end()
})

t.test('a misspelt command of a group is answered with the names that there are', (t) => {
  const events = 'list, show, follow, approve, cancel, retry, give-up, csr, certificate'
  const wrong = `2 tlsward: unknown command 'aprove' of tlsward events. Did you mean approve? Its commands are ${events}. See tlsward events --help. [option-malformed]`
  for (const words of [
    ['events', 'aprove'],
    ['event', '--limit', '5', 'aprove', '12', '--hash', 'abcdef']
  ])
    t.equal(complaint(...words), wrong)
  t.match(complaint('vault', 'rotat'), /of tlsward vault\. Did you mean rotate\?/)
  t.match(complaint('inventory', '\u001b[2J'), /unknown command '\\x1b\[2J' of tlsward inventory\. Its/)
  for (const words of [
    ['events', '--limit', '5'],
    ['events', 'show', '12'],
    ['scan', 'aprove'],
    ['-q', '--state', 'events', 'scans', '--json'],
    ['why', 'host/aprove']
  ])
    t.equal(complaint(...words), 'taken', words.join(' '))
  t.end()
})

t.test('values of options are read strictly', (t) => {
  const rate = wholeNumber('--rate', 1, 100)
  t.equal(rate('7'), 7)
  for (const wrong of ['', '0', '101', '1.5', '-1', '1e2', ' 1', '0x1'])
    t.throws(() => rate(wrong), Fault, wrong)
  t.equal(span('--timeout', 's')('3'), 3_000)
  t.equal(span('--timeout', 's')('500ms'), 500)
  t.equal(span('--expiring', 'd')('30'), 30 * 86_400_000)
  t.equal(span('--expiring', 'd')('1.5h'), 5_400_000)
  for (const wrong of ['', '0', 'x', '3y', '-1d'])
    t.throws(() => span('--expiring', 'd')(wrong), Fault, wrong)
  t.same(commaList('b, c,', ['a']), ['a', 'b', 'c'])
  t.equal(joined('web', '443'), '443,web')
  t.end()
})

t.test('state and settings are where the account keeps such things', (t) => {
  const user = { env: {}, user: 1000, home: '/home/u' }
  t.same(places({}, user), { state: '/home/u/.local/state/tlsward', config: '/home/u/.config/tlsward' })
  t.same(places({}, { ...user, env: { XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: 'relative' } }), {
    state: '/s/tlsward',
    config: '/home/u/.config/tlsward'
  })
  t.same(places({}, { ...user, user: 0 }), { state: '/var/lib/tlsward', config: '/etc/tlsward' })
  t.same(places({}, { ...user, env: { TLSWARD_STATE: '/a', TLSWARD_CONFIG: '' } }), {
    state: '/a',
    config: '/home/u/.config/tlsward'
  })
  t.equal(places({ state: '/b' }, { ...user, env: { TLSWARD_STATE: '/a' } }).state, '/b')
  t.end()
})

t.test('an unknown throw is a mistake of ours and keeps its stack', (t) => {
  const fault = faultOf(new TypeError('x is not a function'))
  t.equal(fault?.kind, 'bug')
  t.match(fault && failureText(fault, 'tlsward'), /made a mistake: x is not a function.*\n.*TypeError/s)
  t.end()
})

t.test('what a peer wrote cannot steer the terminal through an error', (t) => {
  const text = failureText(new Fault('target-malformed', 'target "\u001b[31mred": no'), 'tlsward')
  t.notMatch(text, /\u001b/)
  t.end()
})

t.test('every command and option is in each completion script', (t) => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionScript(program(), shell)
    for (const word of ['inventory', 'completion', 'resume']) t.match(script, word)
    t.match(script, shell === 'fish' ? '-l starttls' : '--starttls')
    t.match(script, 'masscan-list', 'choices are completed')
  }
  t.end()
})
