import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import { shownAt } from '../peers/handshake.ts'
import { hostMissing, programNames, startTestHost } from '../peers/hosts/host.ts'
import type { Site } from '../peers/hosts/program.ts'
import { reloadByOthers } from '../peers/hosts/reload.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import { skipFor } from '../peers/process.ts'

const missing = hostMissing(programNames)
const skip = skipFor(missing)

t.test(
  'a test host serves by each program what its sites hold, before and after a reload',
  { skip },
  async (t) => {
    const ca = createAuthority('test root')
    const single = createCertificate({ names: ['one.test'], issuer: ca })
    const dual = {
      rsa: createCertificate({ names: ['two.test'], key: 'rsa2048', issuer: ca }),
      ecdsa: createCertificate({ names: ['two.test'], issuer: ca })
    }
    const shared = createCertificate({ names: ['a.test', 'b.test'], issuer: ca })
    const sites: readonly Site[] = [
      { names: ['two.test'], listener: 'front', pairs: dual },
      { names: ['one.test'], listener: 'front', pairs: { ecdsa: single } },
      { names: ['a.test'], listener: 'back', pairs: { ecdsa: shared }, files: 'shared' },
      { names: ['b.test'], listener: 'back', pairs: { ecdsa: shared }, files: 'shared' }
    ]
    const host = await startTestHost({
      programs: { nginx: sites, haproxy: sites, apache: sites, files: sites },
      login: { sudoers: ['%u ALL=(root) NOPASSWD: /usr/bin/id -u'], password: 'let me in' }
    })
    t.teardown(() => host.stop())
    for (const program of host.programs) {
      const before = snapshot(program.folders, 'untouched')
      for (const round of ['before', 'after']) {
        for (const site of program.sites) {
          for (const [family, certificate] of Object.entries(site.pairs)) {
            const options = {
              port: site.port,
              name: site.names[0] ?? null,
              family: family as 'rsa' | 'ecdsa'
            }
            const what = `${program.name} ${site.names.join(' ')} ${family} ${round} the reload`
            t.equal(await shownAt(options), certificate.fingerprint, what)
          }
        }
        if (round === 'before') await reloadByOthers(program)
      }
      t.equal(snapshot(program.folders, 'untouched'), before)
    }
    const key = `${host.folder}/ssh/client`
    const ssh = [
      '-i',
      key,
      '-p',
      `${host.cable.port}`,
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'BatchMode=yes'
    ]
    const hosts = [
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'LogLevel=ERROR',
      `${host.sshd.user}@127.0.0.1`
    ]
    const remote = async (command: string) =>
      (await promisify(execFile)('ssh', [...ssh, ...hosts, command])).stdout
    const said = await remote('id -un; sudo -n id -u; sudo -n id -g 2>&1 || true')
    t.equal(said, 'deploy\n0\nsudo: a password is required\n')
  }
)
