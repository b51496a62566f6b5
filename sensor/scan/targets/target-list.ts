import { Fault } from '../../../core/fault.ts'
import { parseExclusion, parseTarget } from './parse.ts'
import type { NameTarget, RangeTarget } from './target.ts'

/** Lines of a file or of standard input, without their line ends. */
export type Lines = AsyncIterable<string> | Iterable<string>

/**
 * The targets of a list: any number on a line, parted by blanks; `#` begins a comment. A fault of
 * {@link parseTarget} names the line; `source` is how the list is called there.
 */
export function readTargets(lines: Lines, source: string): Promise<(RangeTarget | NameTarget)[]> {
  return readEach(lines, source, parseTarget)
}

/** As {@link readTargets}, for a list of what is to be spared. */
export function readExclusions(lines: Lines, source: string): Promise<(RangeTarget | NameTarget)[]> {
  return readEach(lines, source, parseExclusion)
}

async function readEach<T>(lines: Lines, source: string, parse: (text: string) => T): Promise<T[]> {
  const found: T[] = []
  for await (const { words, line } of readWords(lines)) {
    for (const word of words) found.push(atLine(source, line, () => parse(word)))
  }
  return found
}

/** The lines that say something: their words, without comments, and their number from 1. */
export async function* readWords(lines: Lines): AsyncGenerator<{ words: string[]; line: number }> {
  let line = 0
  for await (const text of lines) {
    line++
    const words = text
      .replace(/^\ufeff/, '')
      // up to the end of the line, however the file ends its lines: what follows may be there to be spared
      .replace(/#.*/g, '')
      .split(/\s+/)
      .filter((word) => word !== '')
    if (words.length > 0) yield { words, line }
  }
}

/** What `act` gives; a fault gets the place in front of its message. */
export function atLine<T>(source: string, line: number, act: () => T): T {
  try {
    return act()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    throw new Fault(
      thrown.code,
      `${source}, line ${line}: ${thrown.message}`,
      { ...thrown.facts, source, line },
      thrown
    )
  }
}
