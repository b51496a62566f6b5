import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import type { VaultState } from '../../automation-records.ts'
import { askSecret } from '../ask-secret.ts'
import { malformed } from '../options.ts'
import { linePrinter } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'

/** Says how the vault stands. */
export async function showVault(session: Session, options: OutputOptions): Promise<void> {
  const state = await (await session.functions()).vaultState()
  const print = linePrinter(session.screen, options, { csv: [] })
  if (print) print(state)
  else printState(session, state)
}

function printState({ screen }: Pick<Session, 'screen'>, state: VaultState): void {
  screen.result(sentence(state))
  for (const warning of state.warnings) screen.result(screen.paint('warn', `! ${visible(warning, 2_000)}`))
}

function sentence({ source, records, keyVersion, keyCreatedAt }: VaultState): string {
  const opened = { file: 'a key file', passphrase: 'a passphrase', 'systemd-credential': 'systemd' }[source]
  return `Opened by ${opened}; ${records} secrets; key ${keyVersion}, made ${keyCreatedAt.slice(0, 10)}.`
}

/** Seals everything with a new key. */
export async function rotateVault(session: Session): Promise<void> {
  printState(session, await (await session.functions()).rotateVault())
}

/** Opens the vault by another source. */
export async function changeSource(
  session: Session,
  source: string,
  words: readonly string[]
): Promise<void> {
  const given = words.map((word) => {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/s.exec(word) ?? []
    if (name === '') throw malformed('a setting', word, 'write name=value')
    return [name, value] as const
  })
  const settings = { ...Object.fromEntries(given), source }
  const asks = source === 'passphrase' && !('from' in settings)
  const passphrase = asks ? await askTwice() : null
  printState(session, await (await session.functions()).changeVaultSource(settings, passphrase))
}

async function askTwice(): Promise<string> {
  const first = await askSecret('New passphrase of the vault')
  if (first === undefined) {
    const message = 'There is no terminal to ask for a passphrase on: give from=env-file:/path#NAME.'
    throw new Fault('option-malformed', message)
  }
  if ((await askSecret('Once more')) === first) return first
  throw new Fault('option-malformed', 'The two passphrases differ; nothing was changed.')
}
