import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Recipe, asUser } from './recipe.ts'

const versions = '/usr/lib/postgresql'

/** The newest version's folder of programs; Debian does not put them on PATH. */
function programs(): string {
  const found = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a)) : []
  return join(versions, found[0] ?? 'none', 'bin')
}

/** PostgreSQL 15. */
export const postgresql: Recipe = {
  get programs() {
    return [join(programs(), 'postgres'), join(programs(), 'initdb')]
  },
  user: 'postgres',
  ports: [{ what: 'sql', starttls: 'postgres' }],
  async configure({ folder, host, certificate, key, port, run }) {
    const data = join(folder, 'data')
    await run('chown', '-R', 'postgres', folder)
    const initdb = asUser('postgres', join(programs(), 'initdb'), ['-D', data, '-A', 'trust', '--no-sync'])
    await run(initdb.program, ...initdb.args)
    const settings = {
      listen_addresses: host,
      unix_socket_directories: folder,
      fsync: 'off',
      ssl: 'on',
      ssl_cert_file: certificate,
      ssl_key_file: key
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const server = asUser('postgres', join(programs(), 'postgres'), [
      '-D',
      data,
      '-p',
      String(port('sql')),
      ...options
    ])
    // upon SIGTERM it would wait for its clients
    return { ...server, signal: 'SIGINT' }
  }
}
