import { existsSync } from 'node:fs'
import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'
import type { ScanRequest } from '../../functions.ts'
import type { ScanOptions } from '../commands/scan-options.ts'
import { isInputPiped, listOf } from '../files.ts'
import { readFound } from '../found.ts'

/**
 * What the person names to be scanned, with files read. Who names nothing may pipe it in; `say` tells that it is
 * waited for. Throws `target-none`, `target-malformed`, `file-unreadable` and `handover-malformed`.
 */
export async function namedTargets(
  words: readonly string[],
  options: ScanOptions,
  say: (note: string) => void
): Promise<Pick<ScanRequest, 'targets' | 'found'>> {
  const { from, host = [], list = [] } = options
  const nothing = words.length + host.length + list.length === 0
  const isPiped = nothing && !readsInput(options) && isInputPiped()
  if (isPiped) say('Reading targets from standard input.')
  const files = isPiped ? ['-'] : list
  // with --from the arguments are files of that tool, as `--from nmap scan.xml` reads
  const named = from === undefined ? [...words, ...host] : host
  const found = from === undefined ? [] : await readFound(from, [...words, ...files])
  const lists = from === undefined ? files.map((file) => listOf('--list', file)) : []
  const isEmpty = isPiped && lists.every(({ text }) => text.trim() === '')
  if (named.length + found.length + (isEmpty ? 0 : lists.length) === 0) throw nothingNamed(from)
  named.forEach(refuseFile)
  return { targets: [{ source: null, text: named.join('\n') }, ...lists], found }
}

/** is standard input taken for something else? */
function readsInput({ names, excludeFile = [], doNotScan = [] }: ScanOptions): boolean {
  return [names, ...excludeFile, ...doNotScan].includes('-')
}

function nothingNamed(from: string | undefined): Fault {
  const message =
    from === undefined
      ? 'No target is named. Write addresses, networks or host names, or --list FILE.'
      : `Nothing was handed over. Name a file in which ${from} found open ports.`
  return new Fault('target-none', message)
}

/** endings of files that hold targets; none of them is a domain of the internet */
const fileEnding = /\.(?:xml|gnmap|json|jsonl|ndjson|csv|tsv|txt|lst|list)$/i

/** A file in place of a target is a mistake that resolving its name would explain badly. */
function refuseFile(target: string): void {
  if (!fileEnding.test(target) && !(target.includes('/') && existsSync(target))) return
  const shown = visible(target, 80)
  throw new Fault(
    'target-malformed',
    `target "${shown}" looks like a file. Write --list ${shown} for a list of targets, or --from auto ${shown} for what another tool found.`,
    { field: 'target', value: target }
  )
}
