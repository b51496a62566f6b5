import type { Recipe } from './recipe.ts'

/** nginx 1.22: one certificate, two, only for a name, and without TLS. */
export const nginx: Recipe = {
  programs: ['/usr/sbin/nginx'],
  user: null,
  ports: [
    { what: 'https' },
    { what: 'both', meets: 'both certificates' },
    { what: 'nameless', meets: 'a demand for a name' },
    { what: 'named', serverName: 'nginx.test' },
    { what: 'plain', meets: 'no TLS' }
  ],
  configure({ folder, host, certificate, key, twinCertificate, twinKey, port, write, makeFolder }) {
    makeFolder('tmp')
    const pair = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`
    const twin = `ssl_certificate ${twinCertificate}; ssl_certificate_key ${twinKey};`
    // the ports "nameless" and "named" behave alike: one is probed without a name
    const onlyNamed = (what: string) => `
  server { listen ${host}:${port(what)} ssl default_server; ssl_reject_handshake on; }
  server { listen ${host}:${port(what)} ssl; server_name nginx.test; ${pair} return 200 ok; }`
    const config = write(
      'nginx.conf',
      `daemon off; pid ${folder}/pid; user root; worker_processes 1;
events {}
http {
  access_log off;
  ssl_protocols TLSv1.2 TLSv1.3;
  client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
  server { listen ${host}:${port('https')} ssl http2; ${pair} return 200 ok; }
  server { listen ${host}:${port('both')} ssl; ${pair} ${twin} return 200 ok; }
  server { listen ${host}:${port('plain')}; return 200 ok; }
  ${onlyNamed('nameless')}
  ${onlyNamed('named')}
}
`
    )
    return { program: '/usr/sbin/nginx', args: ['-p', folder, '-e', 'stderr', '-c', config] }
  }
}
