import { type Recipe, asUser } from './recipe.ts'

/** OpenLDAP 2.5, whose TLS is GnuTLS in Debian. */
export const slapd: Recipe = {
  programs: ['/usr/sbin/slapd'],
  user: 'openldap',
  ports: [{ what: 'ldap', starttls: 'ldap' }, { what: 'ldaps' }],
  async configure({ folder, host, certificate, key, port, write, makeFolder, run }) {
    const database = makeFolder('db')
    const config = write(
      'slapd.conf',
      `include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${certificate}
TLSCertificateKeyFile ${key}
TLSVerifyClient never
database mdb
suffix "dc=test"
rootdn "cn=admin,dc=test"
rootpw x
directory ${database}
`
    )
    await run('chown', '-R', 'openldap', folder)
    const urls = `ldap://${host}:${port('ldap')} ldaps://${host}:${port('ldaps')}`
    return asUser('openldap', '/usr/sbin/slapd', ['-d', '0', '-f', config, '-h', urls])
  }
}
