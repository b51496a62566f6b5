import { type ChildProcess, spawn } from 'node:child_process'

// Reads "+ id command" and "- id" until this process is gone, however it ends; then runs what is left.
const script = `
declare -a left
while read -r sign id command; do
  if [ "$sign" = + ]; then left[id]=$command; else unset "left[id]"; fi
done
for id in $(printf '%s\\n' "\${!left[@]}" | sort -rn); do eval "\${left[id]}"; done
`

let shell: ChildProcess | undefined
let last = 0

/**
 * Has a shell command run when this process has ended, also by SIGKILL; what was said last is done first. The
 * returned function takes it back.
 */
export function atDeath(command: string): () => void {
  if (command.includes('\n')) throw new Error(`the guard reads one line a command: ${command}`)
  shell ??= startShell()
  const id = ++last
  shell.stdin?.write(`+ ${id} ${command}\n`)
  return () => void shell?.stdin?.write(`- ${id}\n`)
}

function startShell(): ChildProcess {
  // its own session: whatever ends our process group does not end the guard
  const child = spawn('bash', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  child.unref()
  const { stdin } = child
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return child
}

/** An argument of a shell command, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
