import { type Recipe, asUser } from './recipe.ts'

/** Prosody 0.12: XMPP for clients, by STARTTLS and from the start. It answers only to its own host name. */
export const prosody: Recipe = {
  programs: ['/usr/bin/prosody'],
  user: 'prosody',
  ports: [
    { what: 'xmpp', starttls: 'xmpp', serverName: 'prosody.test' },
    { what: 'xmpps', serverName: 'prosody.test' }
  ],
  async configure({ folder, host, certificate, key, port, write, makeFolder, run }) {
    const data = makeFolder('data')
    const tls = `{ certificate = "${certificate}", key = "${key}" }`
    const config = write(
      'prosody.cfg.lua',
      `data_path = "${data}"
modules_enabled = { "tls", "saslauth", "disco" }
modules_disabled = { "s2s" }
interfaces = { "${host}" }
c2s_ports = { ${port('xmpp')} }
c2s_direct_tls_ports = { ${port('xmpps')} }
s2s_ports = {}
http_ports = {}
https_ports = {}
c2s_require_encryption = true
log = { { levels = { min = "info" }, to = "console" } }
ssl = ${tls}
c2s_direct_tls_ssl = ${tls}
VirtualHost "prosody.test"
`
    )
    await run('chown', '-R', 'prosody', folder)
    return asUser('prosody', '/usr/bin/prosody', ['-F', '--config', config])
  }
}
