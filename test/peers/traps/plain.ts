import type { Link } from '../link.ts'
import { type PeerRow, ends } from '../row.ts'
import { type Script, trap } from './trap.ts'

/** Text that would do harm if it reached a terminal, a spreadsheet or a page as it is. */
export const hostileText =
  '=HYPERLINK("http://x.test")\u001b[2J\u001b]0;owned\u0007\u001b[31mred\u009b1m\u202egnp.exe\u2066\u200f<script>alert(1)</script>\u0000\u0085\r'

/** Servers that speak something else than TLS. */
export function plainTraps(): PeerRow[] {
  const talking = (banner: string, then: Script) => async (link: Link) => {
    await link.write(banner)
    await then(link)
  }
  const talksFirst = (name: string, banner: string, then: Script = (link) => link.gone()) =>
    trap(name, ends('not-tls'), talking(banner, then))
  return [
    trap('http', ends('not-tls'), http),
    talksFirst('ssh-banner', 'SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n', closesUponGarbage),
    // a probe that knows the greeting asks for STARTTLS, in vain
    trap(
      'smtp-banner',
      ends('no-starttls', { starttls: 'smtp' }),
      talking('220 mx.peer.test ESMTP\r\n', smtp)
    ),
    talksFirst('hostile-banner', `220 ${hostileText}\n`),
    talksFirst('banner-without-end', 'a'.repeat(100_000)),
    trap('echo', ends('not-tls'), async (link) => {
      for (;;) await link.write(await link.some())
    })
  ]
}

/** Answers whatever comes as a web server does that has not understood. */
async function http(link: Link): Promise<void> {
  await link.some()
  const body = '<html><head><title>400 Bad Request</title></head></html>\r\n'
  const head = [
    'HTTP/1.1 400 Bad Request',
    'Server: peer',
    `Content-Length: ${body.length}`,
    'Connection: close'
  ]
  await link.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  link.end()
}

async function closesUponGarbage(link: Link): Promise<void> {
  await link.some()
  await link.write('Invalid SSH identification string.\r\n')
  link.end()
}

/** Answers each command of an ordinary mail client, and no STARTTLS. */
async function smtp(link: Link): Promise<void> {
  for (;;) {
    const line = await link.until('\n')
    await link.write(/^(EHLO|HELO|NOOP)/i.test(line) ? '250 mx.peer.test\r\n' : '500 5.5.2 unrecognized\r\n')
  }
}
