import type { Session } from '../session.ts'
import { counted } from '../words.ts'

/** Forgets all but the last scans. */
export async function pruneScans({ screen, functions }: Session, keep: number): Promise<void> {
  const { scans, history, certificates } = await (await functions()).prune(keep)
  const parts = [
    counted(scans, 'scan'),
    counted(history, 'line', 'lines') + ' of history',
    counted(certificates, 'certificate')
  ]
  screen.note(`Removed: ${parts.join(', ')}.`)
}
