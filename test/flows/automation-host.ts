import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { handshake } from '../../sensor/automation/wire/handshake.ts'
import { createCertificate, type Certificate } from '../peers/certificates.ts'
import { startFilesServer } from '../peers/hosts/files-server.ts'
import type { HostedProgram } from '../peers/hosts/program.ts'
import { freePort } from '../peers/ports.ts'
import { temporaryFolder } from '../peers/process.ts'
import { createBench, jsonLines, type Bench, type Ran } from './cli.ts'

/** This machine as a device: a TLS server of its own that reads PEM files, and the CLI beside it. */
export interface AutomationHost {
  readonly bench: Bench
  readonly folder: string
  /** what the server was started with */
  readonly before: Certificate
  readonly program: HostedProgram
  /** `host/…`, the one target of the device */
  readonly target: string
  /** runs the CLI */
  readonly run: (...words: string[]) => Promise<Ran>
  /** runs the CLI with --json; gives the records. Fails the test when the exit code is another one */
  readonly records: (code: number, ...words: string[]) => Promise<Record<string, unknown>[]>
  /** the fingerprint of the leaf that a handshake shows */
  served(): Promise<string | null>
  /** everything that the CLI has written so far */
  output(): string
}

/** How the host is made. */
export interface HostOptions {
  readonly names?: readonly string[]
  /** how the program is told to read its files again; the usual way is a signal */
  readonly reload?: (folder: string) => string
}

/** A program that takes three seconds to read its files again: time to end somebody in the middle of a step. */
export function slowReload(folder: string): string {
  const script = join(folder, 'reload.sh')
  const lines = ['#!/bin/sh', 'sleep 3', `kill -HUP "$(cat ${folder}/server/server.pid)"`, '']
  writeFileSync(script, lines.join('\n'), { mode: 0o755 })
  return `reload=${script}`
}

/** Starts a server on this machine, and adds it as device `host`, which may be written to. */
export async function automationHost(t: Test, options: HostOptions = {}): Promise<AutomationHost> {
  const { names = ['shop.test', 'www.shop.test'] } = options
  const temporary = temporaryFolder()
  const bench = createBench()
  const before = createCertificate({ names, key: 'p256' })
  const folder = join(temporary.path, 'server')
  mkdirSync(folder)
  const program = await startFilesServer({
    folder,
    sites: [{ names, listener: 'only', pairs: { ecdsa: before } }],
    freePort: () => freePort()
  })
  t.teardown(async () => {
    await program.stop()
    bench.remove()
    temporary.remove()
  })
  const [site] = program.sites
  const certificate = site?.certificates.ecdsa ?? ''
  const port = site?.port ?? 0
  const reload = options.reload?.(temporary.path) ?? `signal=HUP pidfile=${program.facts['pidFile'] ?? ''}`
  const key = certificate.replace(/crt$/, 'key')
  const entry = `name=shop cert=${certificate} key=${key} ${reload} served=127.0.0.1:${port}@${names[0] ?? ''}`
  writeFileSync(join(temporary.path, 'device.json'), JSON.stringify({ place: 'local', programs: [] }))
  let output = ''
  const run = async (...words: string[]) => {
    const ran = await bench.run(words)
    output += ran.stdout + ran.stderr
    return ran
  }
  const settings = ['--settings', join(temporary.path, 'device.json')]
  const host: AutomationHost = {
    bench,
    folder: temporary.path,
    before,
    program,
    target: `host/files:${certificate}`,
    run,
    async records(code, ...words) {
      const ran = await run(...words, '--json')
      t.equal(ran.code, code, `${words.join(' ')}: ${ran.stderr}`)
      return jsonLines(ran.stdout)
    },
    served: () =>
      handshake(
        systemClock,
        {
          at: { address: '127.0.0.1', port, name: names[0] ?? null, starttls: null },
          version: 'TLSv1.3',
          family: 'ecdsa'
        },
        5_000,
        new AbortController().signal
      ),
    output: () => output
  }
  const added = await run('device', 'add', 'host', 'web-hosts', `files=${entry}`, ...settings)
  t.equal(added.code, 0, added.stderr)
  t.equal((await run('device', 'allow', 'host')).code, 0)
  return host
}

/** Fields of a profile that waits for nothing. */
export const quick = ['rollout.canary=none', 'rollout.soakMinutes=0'] as const

/** The records of a kind. */
export function ofType(records: readonly Record<string, unknown>[], type: string): Record<string, unknown>[] {
  return records.filter((record) => record['type'] === type)
}

/** The fingerprint of the first certificate that was issued for an event, as its record has it. */
export function issuedFor(event: Record<string, unknown> | undefined): string | undefined {
  return (event?.['certificates'] as readonly string[] | undefined)?.[0]
}
