import { type ChildProcess, spawn } from 'node:child_process'

// Reads "first id command", "last id command" and "never id" until this process is gone, however it ends; then
// runs what is left.
const script = `
declare -a first last
while read -r when id command; do
  case $when in
    first) first[id]=$command ;;
    last) last[id]=$command ;;
    never) unset "first[id]" "last[id]" ;;
  esac
done
for command in "\${first[@]}"; do eval "$command" & done
wait
for command in "\${last[@]}"; do eval "$command"; done
`

let shell: ChildProcess | undefined
let count = 0

/**
 * Has a shell command run when this process has ended, also by SIGKILL: all that are to come first at once, then
 * the others. The returned function takes it back.
 */
export function atDeath(when: 'first' | 'last', command: string): () => void {
  if (command.includes('\n')) throw new Error(`the guard reads one line a command: ${command}`)
  shell ??= startShell()
  const id = ++count
  shell.stdin?.write(`${when} ${id} ${command}\n`)
  return () => void shell?.stdin?.write(`never ${id}\n`)
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
