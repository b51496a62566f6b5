import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { accepting, startProcess } from '../process.ts'
import { keyBeside, makeFolder, pidIn, portsOf, writePairs, writer } from './files.ts'
import type { HostedProgram, ProgramSpace } from './program.ts'
import type { TlsFilesConfig } from './tls-files.ts'

/** A program that reads PEM files and reloads them on SIGHUP, which no connector knows by name. */
export async function startFilesServer({ folder, sites, freePort }: ProgramSpace): Promise<HostedProgram> {
  const tls = makeFolder(folder, 'tls')
  const served = writePairs(tls, sites, await portsOf(sites, freePort))
  const facts = { pidFile: `${folder}/server.pid`, reloads: `${folder}/reloads` }
  const content: TlsFilesConfig = {
    ...facts,
    sites: served.map(({ names, port, certificates }) => ({
      names,
      port,
      pairs: Object.values(certificates).map((certificate) => ({ certificate, key: keyBeside(certificate) }))
    }))
  }
  const config = writer(folder)('server.json', JSON.stringify(content, null, 2))
  const script = fileURLToPath(new URL('tls-files.ts', import.meta.url))
  const running = startProcess({ program: process.execPath, args: [script, config] })
  for (const { port } of served) await accepting('127.0.0.1', port, running)
  await pidIn(facts.pidFile)
  const master = () => Number(readFileSync(facts.pidFile, 'utf8'))
  return {
    name: 'files',
    sites: served,
    config,
    folders: [tls],
    facts,
    master,
    async reload() {
      process.kill(master(), 'SIGHUP')
    },
    generation: () => (existsSync(facts.reloads) ? readFileSync(facts.reloads, 'utf8') : ''),
    stop: () => running.stop()
  }
}
