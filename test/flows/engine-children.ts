import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { EngineWorld } from './engine-world.ts'

/** Runs the engine for an event in another process; kills it after `killMs`. Gives the signal, 0, or what it said. */
export function runEngineChild(
  { site, clock }: EngineWorld,
  event: number,
  killMs = 30_000
): Promise<number | string> {
  const script = join(import.meta.dirname, 'engine-child.ts')
  const args = [script, JSON.stringify({ ...site, shift: clock.shift }), String(event)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (bytes) => (said += String(bytes)))
  const timer = setTimeout(() => child.kill('SIGKILL'), killMs)
  return new Promise((resolve) =>
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve(signal ?? (code === 0 ? 0 : said))
    })
  )
}
