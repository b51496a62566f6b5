import { readFileSync } from 'node:fs'
import t from 'tap'
import { AutomationEvent } from '../../appliance/automation-records.ts'
import { eventExitCodes, laterExitCode, waitsExitCode } from '../../appliance/cli/automation/follow.ts'
import { settingNames } from '../../appliance/cli/automation/setting-words.ts'
import { reasons } from '../../sensor/automation/policy/reasons.ts'
import { ProfileText } from '../../sensor/automation/profile.ts'

const document = readFileSync(new URL('../../docs/automation.md', import.meta.url), 'utf8')

/** What stands in the first column of the tables of a chapter. */
function named(chapter: string): string[] {
  const [, text = ''] = document.split(`\n## ${chapter}\n`)
  const [own = ''] = text.split('\n## ')
  return own
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('|--'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`|(\d+)/g)])
    .map(([, code, figure]) => code ?? figure ?? '')
}

t.test('the page has every field of a profile, and no other', (t) => {
  t.same(named('Profile fields').toSorted(), settingNames(ProfileText).toSorted())
  t.end()
})

t.test('the page has every reason, and no other', (t) => {
  t.same(named('Reasons').toSorted(), Object.keys(reasons).toSorted())
  t.end()
})

t.test('the page has every state of an event, and no other', (t) => {
  const states = (AutomationEvent.properties.state as unknown as { readonly enum: readonly string[] }).enum
  t.same(named('States').toSorted(), states.toSorted())
  t.end()
})

t.test('the page has every exit code of a replacement', (t) => {
  const codes = [0, waitsExitCode, laterExitCode, ...Object.values(eventExitCodes)].map(String)
  t.same(named('Exit codes of a replacement').toSorted(), codes.toSorted())
  t.end()
})
