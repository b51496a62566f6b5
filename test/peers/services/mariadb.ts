import { join } from 'node:path'
import { type Recipe, asUser } from './recipe.ts'

/** MariaDB 10.11. */
export const mariadb: Recipe = {
  programs: ['/usr/sbin/mariadbd', '/usr/bin/mariadb-install-db'],
  user: 'mysql',
  ports: [{ what: 'sql', starttls: 'mysql' }],
  async configure({ folder, host, certificate, key, port, run }) {
    const data = join(folder, 'data')
    const install = [
      '--no-defaults',
      '--user=mysql',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal'
    ]
    await run('/usr/bin/mariadb-install-db', ...install, '--skip-test-db')
    await run('chown', '-R', 'mysql', folder)
    return asUser('mysql', '/usr/sbin/mariadbd', [
      '--no-defaults',
      `--datadir=${data}`,
      `--bind-address=${host}`,
      `--port=${port('sql')}`,
      `--socket=${folder}/sock`,
      `--pid-file=${folder}/pid`,
      '--skip-log-bin',
      `--ssl-cert=${certificate}`,
      `--ssl-key=${key}`
    ])
  }
}
