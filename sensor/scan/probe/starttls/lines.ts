import { alien, Inbox, wait, type Prelude, type PreludeStep } from './prelude.ts'

/** Answers to one line that the server wrote. */
export type OnLine = (line: string) => PreludeStep

/** A prelude of a protocol that talks in lines; the answer to a line decides what follows. */
export function linePrelude(onLine: OnLine): Prelude {
  const inbox = new Inbox()
  return {
    first: null,
    feed(bytes) {
      let text = inbox.add(bytes)
      // these protocols greet in ASCII: a binary one is told at its first byte, without waiting for a line
      const first = text[0] ?? 0x20
      if (first < 0x20 || first > 0x7e) return alien
      for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10)) {
        const step = onLine(text.subarray(0, end).toString('latin1').replace(/\r$/, ''))
        inbox.drop(end + 1)
        text = text.subarray(end + 1)
        if (step.kind !== 'wait' || step.send) return step
      }
      return wait
    }
  }
}

/** Sends a line and waits for the answer. */
export function say(line: string): PreludeStep {
  return { kind: 'wait', send: Buffer.from(`${line}\r\n`, 'latin1') }
}
