import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { PublicFiles } from '../contract.ts'
import { type Host, type Ran, saidBy, script } from '../shared/host.ts'
import { fileFault } from '../shared/shell-files.ts'

/**
 * Public files of a host, written by the login, or by root where the device is set so. Folders of a web server often
 * belong to the user that it runs as, who must not lead root elsewhere: each folder on the way is entered by itself and
 * held, and a link is followed only where nobody but root and the login can have put it.
 *
 * `open` gives the host whose commands write. Faults: option-malformed (a path that is not plain), device-right,
 * device-full, device-refused, device-changed.
 */
export function publicFiles(open: (signal: AbortSignal) => Host): PublicFiles {
  return {
    async put(path, text, signal) {
      const { folder, name } = plain(path)
      const host = open(signal)
      const ran = await host.run(script(putting, folder, name, 'make'), { stdin: text })
      if (ran.code !== 0) throw refusal(host, path, ran)
    },
    async remove(path, signal) {
      const { folder, name } = plain(path)
      const host = open(signal)
      const ran = await host.run(script(removing, folder, name, 'leave'))
      if (ran.code !== 0) throw refusal(host, path, ran)
    }
  }
}

function plain(path: string): { readonly folder: string; readonly name: string } {
  const parts = path.split('/').slice(1)
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..')
  if (path.startsWith('/') && isPlain && !/\p{Cc}/u.test(path)) {
    return { folder: parts.slice(0, -1).join('/'), name: parts.at(-1) ?? '' }
  }
  const message = `path ${visible(path)}: give an absolute path to a file, without . or .. or empty parts`
  throw new Fault('option-malformed', message, { path: visible(path) })
}

const exits = { planted: 40, moved: 41 } as const

function refusal(host: Host, path: string, ran: Ran): Fault {
  const facts = { host: host.name, path }
  const at = visible(ran.stdout.toString().trim(), 300)
  if (ran.code === exits.planted) {
    const why = 'a link that others than root and the login can have set, and is not followed'
    const message = `${path} on ${host.name}: ${at} is ${why}. Name the folder that it leads to instead.`
    return new Fault('device-refused', message, facts)
  }
  if (ran.code === exits.moved) {
    const message = `${path} on ${host.name}: ${at} was moved or became a link meanwhile. Nothing was written.`
    return new Fault('device-changed', message, facts)
  }
  return fileFault(host.name, path, saidBy(ran))
}

/**
 * Goes to the folder $1 (relative to /), and makes what is missing if $3 says `make`. A directory that a process is in
 * stays the same whatever others do with its name; `pwd -P` tells whether it is the one that was meant. `t` is 1 as
 * long as every folder on the way can be changed by root and the login only, `s` in one like /tmp, where others can put
 * links but cannot touch the folders of root and the login.
 */
const walking = [
  'umask 022; u=$(id -u); r=$1/; h=/; t=1; n=0; cd / || exit 1;',
  // GNU and busybox: `0 755`; an ACL that lets others write shows in the bits of the group
  'look() { set -- $(stat -c "%u %a" .); case $1 in 0|"$u") ;; *) t=0;; esac;',
  '[ $t = 0 ] || case $2 in [1357]??[2367]|[1357]?[2367]?) t=s;; *[2367]|*[2367]?) t=0;; *) t=1;; esac; };',
  'stop() { printf %s "${h%/}/$p"; exit $1; };',
  'look; while [ -n "$r" ]; do p=${r%%/*}; r=${r#*/};',
  'case $p in ""|.) continue;;',
  `..) [ $t = 1 ] || stop ${exits.planted}; cd -P .. || exit 1; h=$(pwd -P); continue;; esac;`,
  'if [ -L "./$p" ]; then',
  `n=$((n + 1)); if [ $t != 1 ] || [ $n -gt 40 ]; then stop ${exits.planted}; fi;`,
  'l=$(readlink "./$p") || exit 1; r=$l/$r;',
  'case $l in /*) h=/; cd / || exit 1;; esac; continue; fi;',
  'if ! [ -e "./$p" ]; then [ "$3" = make ] || exit 0; mkdir "./$p" || exit 1; fi;',
  '[ -d "./$p" ] || { echo "$p: Not a directory" >&2; exit 1; };',
  '[ -x "./$p" ] || { echo "$p: Permission denied" >&2; exit 1; };',
  `cd -P "./$p" || exit 1; w=$(pwd -P); [ "$w" = "\${h%/}/$p" ] || stop ${exits.moved}; h=$w; look;`,
  'done;'
].join(' ')

/** `set -C` makes `>` exclusive: it follows no link. The mode comes from the umask, since chmod would follow one. */
const putting = [
  walking,
  'f=./.$2.new; set -C; { rm -f "$f" && cat > "$f" && mv -fT "$f" "./$2"; } || { rm -f "$f"; exit 1; }'
].join(' ')

const removing = `${walking} rm -f "./.$2.new" "./$2"`
