import type { Recipe } from './recipe.ts'

/** Dovecot 2.3: IMAP and POP3, by STARTTLS and from the start. */
export const dovecot: Recipe = {
  programs: ['/usr/sbin/dovecot', '/usr/lib/dovecot/imap', '/usr/lib/dovecot/pop3'],
  user: null,
  ports: [
    { what: 'imap', starttls: 'imap' },
    { what: 'imaps' },
    { what: 'pop3', starttls: 'pop3' },
    { what: 'pop3s' }
  ],
  configure({ folder, host, certificate, key, port, write, makeFolder }) {
    makeFolder('run')
    const listener = (name: string) => `
  inet_listener ${name} {
    port = ${port(name)}
  }
  inet_listener ${name}s {
    port = ${port(`${name}s`)}
    ssl = yes
  }`
    const config = write(
      'dovecot.conf',
      `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = imap pop3
listen = ${host}
ssl = yes
ssl_cert = <${certificate}
ssl_key = <${key}
mail_location = maildir:${folder}/mail/%u
first_valid_uid = 1
passdb {
  driver = static
  args = password=x
}
userdb {
  driver = static
  args = uid=dovecot gid=dovecot home=${folder}/mail/%u
}
service imap-login {${listener('imap')}
}
service pop3-login {${listener('pop3')}
}
`
    )
    return { program: '/usr/sbin/dovecot', args: ['-F', '-c', config] }
  }
}
