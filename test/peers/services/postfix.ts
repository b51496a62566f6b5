import type { Recipe, Site } from './recipe.ts'

/** Postfix 3.7: STARTTLS on two ports, TLS from the start on a third. */
export const postfix: Recipe = {
  programs: ['/usr/sbin/postfix'],
  user: null,
  ports: [{ what: 'smtp', starttls: 'smtp' }, { what: 'submission', starttls: 'smtp' }, { what: 'smtps' }],
  async configure(site) {
    const config = site.makeFolder('etc')
    for (const name of ['queue', 'data']) site.makeFolder(name)
    site.write('etc/main.cf', mainConfig(site))
    site.write('etc/master.cf', masterConfig(site))
    await site.run('chown', 'postfix', `${site.folder}/data`)
    // its master leaves the process group: a signal does not reach it
    const stop = ['/usr/sbin/postfix', '-c', config, 'abort']
    return { program: '/usr/sbin/postfix', args: ['-c', config, 'start-fg'], stop }
  }
}

function mainConfig({ folder, host, certificate, key }: Site): string {
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = ${host}
inet_protocols = ipv4
myhostname = postfix.test
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
default_transport = discard
relay_transport = discard
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
smtpd_tls_cert_file = ${certificate}
smtpd_tls_key_file = ${key}
smtpd_tls_security_level = may
`
}

function masterConfig({ host, port }: Site): string {
  return `${host}:${port('smtp')} inet n - n - - smtpd
${host}:${port('submission')} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
${host}:${port('smtps')} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
discard unix - - n - - discard
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
}
