import type { Recipe } from './recipe.ts'

/** vsftpd 3.0 with AUTH TLS. It has no port for TLS from the start beside the other: that is another process. */
export const vsftpd: Recipe = {
  programs: ['/usr/sbin/vsftpd'],
  user: null,
  ports: [{ what: 'ftp', starttls: 'ftp' }],
  configure({ folder, host, certificate, key, port, write, makeFolder }) {
    const settings = {
      listen: 'YES',
      listen_address: host,
      listen_port: port('ftp'),
      background: 'NO',
      anonymous_enable: 'YES',
      no_anon_password: 'YES',
      anon_root: makeFolder('ftp'),
      local_enable: 'NO',
      secure_chroot_dir: makeFolder('empty'),
      ssl_enable: 'YES',
      allow_anon_ssl: 'YES',
      ssl_sslv2: 'NO',
      ssl_sslv3: 'NO',
      ssl_tlsv1: 'NO',
      rsa_cert_file: certificate,
      rsa_private_key_file: key,
      require_ssl_reuse: 'NO',
      seccomp_sandbox: 'NO',
      xferlog_enable: 'NO',
      vsftpd_log_file: `${folder}/log`
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    return { program: '/usr/sbin/vsftpd', args: [write('vsftpd.conf', lines.join(''))] }
  }
}
