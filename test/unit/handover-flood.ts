import { parentPort, workerData } from 'node:worker_threads'
import { readHandover } from '../../sensor/scan/handover/read.ts'

// Reads a large file in a thread whose heap is limited: whoever keeps what was read dies here.

const filling = 'x'.repeat(3500)
const host = (at: number) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`

const formats: Readonly<
  Record<string, readonly [begin: string, record: (at: number) => string, end: string]>
> = {
  nmap: [
    '<nmaprun>',
    (at) =>
      `<host><address addr="${host(at)}" addrtype="ipv4"/><ports><port protocol="tcp" portid="443">` +
      `<state state="open"/><script output="${filling}"/></port></ports></host>\n`,
    '</nmaprun>'
  ],
  masscan: [
    '[',
    (at) =>
      `${at > 0 ? ',' : ''}{"ip":"${host(at)}","ports":[{"port":443,"proto":"tcp","service":{"banner":"${filling}"}}]}\n`,
    ']'
  ],
  tlsx: ['', (at) => `{"host":"${host(at)}","port":"443","certificate":"${filling}"}\n`, ''],
  zgrab2: [
    '',
    (at) =>
      `{"ip":"${host(at)}","data":{"tls":{"status":"success","port":443,"result":{"raw":"${filling}"}}}}\n`,
    ''
  ],
  csv: ['ip,port,comment\n', (at) => `${host(at)},443,"${filling}"\n`, '']
}

const [begin, record, end] = formats[String(workerData)] ?? ['', () => '', '']
let bytes = 0

function* chunks(): Generator<Uint8Array> {
  const each = 40
  for (let at = -each; at <= 20_000; at += each) {
    const records = Array.from({ length: each }, (_, more) => record(at + more))
    const chunk = Buffer.from(at < 0 ? begin : at < 20_000 ? records.join('') : end)
    bytes += chunk.length
    yield chunk
  }
}

let entries = 0
for await (const { port } of readHandover({ chunks: chunks(), source: 'flood' }, null)) {
  if (port === 443) entries++
}
parentPort?.postMessage({ entries, bytes })
