import type { Recipe } from './recipe.ts'

/** HAProxy 2.6. */
export const haproxy: Recipe = {
  programs: ['/usr/sbin/haproxy'],
  user: null,
  ports: [{ what: 'https' }],
  configure({ folder, host, bundle, port, write }) {
    const config = write(
      'haproxy.cfg',
      `global
  stats socket ${folder}/admin.sock mode 600 level admin
defaults
  mode http
  timeout client 10s
  timeout connect 10s
  timeout server 10s
frontend tls
  bind ${host}:${port('https')} ssl crt ${bundle} alpn h2,http/1.1
  http-request return status 200
`
    )
    return { program: '/usr/sbin/haproxy', args: ['-W', '-db', '-f', config] }
  }
}
