// What tells a server of the demo to read its files again: node reload.ts SOCKET. Ends with 1 when it refuses them.
import { connect } from 'node:net'
import { argv, stderr } from 'node:process'

const socket = connect(argv[2] ?? '')
let answer = ''
socket.setEncoding('utf8')
socket.on('data', (text: string) => (answer += text))
socket.on('error', ({ message }) => (answer = message))
socket.on('close', () => {
  if (answer === 'ok') return
  stderr.write(`${answer}\n`)
  process.exitCode = 1
})
