import { isUtf8 } from 'node:buffer'
import { type HandoverFile, malformed } from './entry.ts'

/** Text of a file in pieces. Throws `handover-malformed` where it is not UTF-8. */
export async function* readText({ chunks, source }: HandoverFile): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined })
    } catch (error) {
      throw malformed({ source, line: line + linesBefore(chunk) }, 'expected UTF-8 text', error)
    }
  }
  for await (const chunk of chunks) {
    const text = decode(chunk)
    if (text !== '') yield text
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) line++
  }
  const rest = decode()
  if (rest !== '') yield rest
}

const newline = 10

/** How many lines of the chunk stand before the first that is not UTF-8. */
function linesBefore(chunk: Uint8Array = new Uint8Array()): number {
  // bytes 10xxxxxx at the start end a character that an earlier chunk began
  let begin = chunk.findIndex((byte) => byte >> 6 !== 2)
  let count = 0
  for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, begin)) {
    if (!isUtf8(chunk.subarray(begin, end))) break
    begin = end + 1
    count++
  }
  return count
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
