import type { Socket } from 'node:net'
import type { Clock } from '../../core/clock.ts'
import { encoded, longestLine, type Line } from './lines.ts'

/** How much may wait for a peer that does not read, and for how long. */
export interface WriterBounds {
  /** from so many bytes on whoever can waits before more is made */
  readonly highBytes: number
  /** with more the connection ends */
  readonly mostBytes: number
  /** the connection ends when nothing is taken for so long, ms */
  readonly stalledMs: number
}

/** A result of the longest kind fits; a command that was suspended for a moment is not cut off. */
export const writerBounds: WriterBounds = {
  highBytes: 1024 * 1024,
  mostBytes: 2 * longestLine,
  stalledMs: 120_000
}

/** written in one go: after each it shows that the peer still reads */
const pieceBytes = 256 * 1024

/** Writes lines to a peer, in their order; what the peer does not take is bounded in size and time. */
export class LineWriter {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #bounds: WriterBounds
  readonly #pieces: Buffer[] = []
  readonly #waiting: (() => void)[] = []
  #bytes = 0
  #isWriting = false

  constructor(socket: Socket, clock: Clock, bounds: WriterBounds) {
    this.#socket = socket
    this.#clock = clock
    this.#bounds = bounds
    socket.on('close', () => {
      this.#pieces.length = 0
      this.#wake()
    })
  }

  /** Does the peer take less than is written? */
  isBehind(): boolean {
    return !this.#socket.destroyed && this.#bytes >= this.#bounds.highBytes
  }

  /** Resolves once the peer has room for more, or is gone. Rejects with socket-limit for a line that is too long. */
  async write(line: Line): Promise<void> {
    if (this.#socket.destroyed) return
    const bytes = Buffer.from(encoded(line))
    for (let at = 0; at < bytes.length; at += pieceBytes)
      this.#pieces.push(bytes.subarray(at, at + pieceBytes))
    this.#bytes += bytes.length
    if (this.#bytes > this.#bounds.mostBytes) this.#socket.destroy()
    else this.#pump()
    await this.caughtUp()
  }

  /** Resolves once the peer has room for more, or is gone. */
  async caughtUp(): Promise<void> {
    while (this.isBehind()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when everything is written, or the peer is gone. */
  async flushed(): Promise<void> {
    while (this.#bytes > 0 && !this.#socket.destroyed)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #pump(): void {
    if (this.#isWriting || this.#socket.destroyed) return
    const piece = this.#next()
    if (piece.length === 0) return
    this.#isWriting = true
    const cancel = this.#clock.after(this.#bounds.stalledMs, () => this.#socket.destroy())
    this.#socket.write(piece, () => {
      cancel()
      this.#isWriting = false
      this.#bytes -= piece.length
      if (!this.isBehind()) this.#wake()
      this.#pump()
    })
  }

  /** short lines go together */
  #next(): Buffer {
    let [count, bytes] = [0, 0]
    while (count < this.#pieces.length && bytes < pieceBytes) bytes += this.#pieces[count++]?.length ?? 0
    return Buffer.concat(this.#pieces.splice(0, count))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
