// The canned TLS server where there is no C compiler: the arguments and output of native/responder.c. It is
// slower than the scan that it serves, so the rates measured against it are its own.
import { readFileSync } from 'node:fs'
import net from 'node:net'

const [path = '', mode = 'close', patch = '0', device = '-', ...ports] = process.argv.slice(2)
const flight = readFileSync(path)
const serialAt = Number(patch)
let answered = 0

function nextFlight(): Buffer {
  answered++
  if (serialAt === 0) return flight
  const own = Buffer.from(flight)
  own.writeBigUInt64BE(BigInt(answered), serialAt)
  return own
}

function serve(socket: net.Socket): void {
  socket.on('error', () => socket.destroy()) // clients leave by a reset
  // net.Socket cannot be bound to a device: what comes from elsewhere is turned away
  if (device === 'lo' && !socket.remoteAddress?.startsWith('127.')) return void socket.destroy()
  let have = 0
  let wanted = 0
  socket.on('data', (chunk) => {
    if (have === 0 && chunk.length >= 5) wanted = 5 + chunk.readUInt16BE(3)
    have += chunk.length
    if (wanted === 0 || have < wanted) return
    wanted = 0
    if (mode === 'close') socket.end(nextFlight())
    else socket.write(nextFlight())
  })
}

const servers = ports.map((port) =>
  net.createServer({ noDelay: true }, serve).listen(Number(port), '0.0.0.0', 4_096)
)
await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
console.log(servers.map((server) => (server.address() as net.AddressInfo).port).join(' '))

process.stdin.resume().once('end', () => {
  console.log(String(answered))
  process.exit()
})
