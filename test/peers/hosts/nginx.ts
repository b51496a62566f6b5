import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { accepting, startProcess } from '../process.ts'
import { childrenOf, keyBeside, makeFolder, pidIn, portsOf, writePairs, writer } from './files.ts'
import type { HostedProgram, ProgramSpace, ServedSite } from './program.ts'

const program = '/usr/sbin/nginx'

/** nginx with a file for each site, as Debian lays it out. */
export async function startNginx({ folder, sites, freePort }: ProgramSpace): Promise<HostedProgram> {
  const write = writer(folder)
  const tls = makeFolder(folder, 'tls')
  makeFolder(folder, 'tmp')
  makeFolder(folder, 'sites')
  const served = writePairs(tls, sites, await portsOf(sites, freePort))
  for (const [at, site] of served.entries()) write(`sites/${at}.conf`, serverBlock(site, at, served))
  const config = write('nginx.conf', mainConfig(folder))
  const args = ['-p', folder, '-c', config]
  const running = startProcess({ program, args: [...args, '-e', `${folder}/error.log`], signal: 'SIGQUIT' })
  for (const { port } of served) await accepting('127.0.0.1', port, running)
  await pidIn(`${folder}/nginx.pid`)
  const master = () => Number(readFileSync(`${folder}/nginx.pid`, 'utf8'))
  return {
    name: 'nginx',
    sites: served,
    config,
    folders: [tls, `${folder}/sites`],
    facts: { pidFile: `${folder}/nginx.pid`, errorLog: `${folder}/error.log` },
    master,
    async reload() {
      execFileSync(program, [...args, '-s', 'reload'], { stdio: 'ignore' })
    },
    generation: () => childrenOf(master()).join(' '),
    stop: () => running.stop()
  }
}

function serverBlock(site: ServedSite, at: number, all: readonly ServedSite[]): string {
  const isDefault = all.findIndex(({ listener }) => listener === site.listener) === at
  const pairs = Object.values(site.certificates).map(
    (path) => `  ssl_certificate ${path};\n  ssl_certificate_key ${keyBeside(path)};\n`
  )
  return `server {
  listen 127.0.0.1:${site.port} ssl${isDefault ? ' default_server' : ''};
  server_name ${site.names.join(' ')};
${pairs.join('')}  return 200 "${site.names[0] ?? ''}";
}
`
}

function mainConfig(folder: string): string {
  return `daemon off;
pid ${folder}/nginx.pid;
user www-data;
worker_processes 2;
error_log ${folder}/error.log notice;
events {}
http {
  access_log off;
  ssl_protocols TLSv1.2 TLSv1.3;
  client_body_temp_path ${folder}/tmp/b;
  proxy_temp_path ${folder}/tmp/p;
  fastcgi_temp_path ${folder}/tmp/f;
  uwsgi_temp_path ${folder}/tmp/u;
  scgi_temp_path ${folder}/tmp/s;
  include sites/*.conf;
}
`
}
