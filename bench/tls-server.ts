// A TLS server that really shakes hands, on every loopback address, for peers that need one.
//   node bench/tls-server.ts CHAIN.pem KEY.pem
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

const [chain = '', key = ''] = process.argv.slice(2)
const context = tls.createSecureContext({ cert: readFileSync(chain), key: readFileSync(key) })

const server = net.createServer((socket) => {
  socket.on('error', () => socket.destroy()) // a scan leaves by a reset
  // no address but 0.0.0.0 stands for all of loopback: what comes from elsewhere is turned away
  if (socket.remoteAddress?.startsWith('127.')) shakeHands(socket)
  else socket.destroy()
})

function shakeHands(socket: net.Socket): void {
  const secure = new tls.TLSSocket(socket, { isServer: true, secureContext: context })
  secure.on('error', () => secure.destroy())
  secure.resume().on('end', () => secure.end())
}

server.listen(0, '0.0.0.0', 4_096, () => console.log((server.address() as net.AddressInfo).port))
process.stdin.resume().once('end', () => process.exit())
