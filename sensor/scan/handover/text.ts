import { type HandoverFile, malformed } from './entry.ts'

/** Text of a file in pieces. Throws `handover-malformed` where it is not UTF-8. */
export async function* readText({ chunks, source }: HandoverFile): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  try {
    for await (const chunk of chunks) {
      const text = decoder.decode(chunk, { stream: true })
      if (text !== '') yield text
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) line++
    }
    const rest = decoder.decode()
    if (rest !== '') yield rest
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error)) throw error
    throw malformed({ source, line }, 'expected UTF-8 text at or after this line', error)
  }
}

/** A line without its end, and its number from 1. */
export interface Line {
  readonly text: string
  readonly line: number
}

const longestLine = 1_048_576

/** The lines of a file. Throws `handover-malformed` for a line that is too long to be one. */
export async function* readLines(file: HandoverFile): AsyncGenerator<Line> {
  let rest = ''
  let line = 0
  for await (const text of readText(file)) {
    const parts = (rest + text).split(/\r?\n/)
    rest = parts.pop() ?? ''
    for (const part of parts) yield { text: part, line: ++line }
    if (rest.length > longestLine)
      throw malformed({ source: file.source, line: line + 1 }, 'the line does not end')
  }
  if (rest !== '') yield { text: rest, line: line + 1 }
}
