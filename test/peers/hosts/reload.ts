import { setTimeout as pause } from 'node:timers/promises'
import type { HostedProgram } from './program.ts'

/** Makes a program reload as others would, and waits until it has taken that; rejects after ten seconds. */
export async function reloadByOthers(program: HostedProgram): Promise<void> {
  const before = program.generation()
  await program.reload()
  for (const end = performance.now() + 10_000; program.generation() === before; await pause(10)) {
    if (performance.now() > end) throw new Error(`${program.name} took no reload`)
  }
}
