// Turns terminal output with colours into an SVG picture:
//   script -qec 'stty cols 121; npm run --silent demo 2>/dev/null' /dev/null | node scripts/picture.ts 'npm run demo' docs/demo.svg
import { readFileSync, writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'

const [title = '', file = ''] = process.argv.slice(2)
if (file === '') {
  console.error('node scripts/picture.ts TITLE FILE < OUTPUT')
  process.exit(2)
}

const cell = { width: 8.4, height: 19 }
const margin = { side: 18, top: 52, foot: 18 }

/** A stretch of one line in one style. */
interface Run {
  readonly column: number
  readonly text: string
  readonly classes: string
}

// SGR parameters (ECMA-48 §8.3.117) that the CLI uses
const on: Readonly<Record<number, string>> = {
  1: 'bold',
  2: 'dim',
  31: 'red',
  32: 'green',
  33: 'yellow',
  34: 'blue'
}
const off: Readonly<Record<number, readonly string[]>> = {
  22: ['bold', 'dim'],
  39: ['red', 'green', 'yellow', 'blue']
}

/** What a terminal shows of a line after carriage returns and erasures. */
function settled(line: string): string {
  return line.split('\r').findLast((part) => stripVTControlCharacters(part).trim() !== '') ?? ''
}

function runs(line: string): Run[] {
  const found: Run[] = []
  const active = new Set<string>()
  let column = 0
  for (const part of line.split(/(\u001b\[[\d;]*[A-Za-z])/)) {
    const codes = /^\u001b\[(?<codes>[\d;]*)m$/.exec(part)?.groups?.['codes']
    if (codes !== undefined) {
      for (const code of codes.split(';').map(Number)) {
        if (code === 0) active.clear()
        for (const name of off[code] ?? []) active.delete(name)
        if (on[code] !== undefined) active.add(on[code])
      }
    } else if (part !== '' && !part.startsWith('\u001b')) {
      // viewers fold blanks: what wide gaps part gets places of its own
      for (const [word] of part.matchAll(/\S+(?: \S+)*|\s+/g)) {
        if (word.trim() !== '') found.push({ column, text: word, classes: [...active].join(' ') })
        column += stringWidth(word)
      }
    }
  }
  return found
}

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

// every run has its place and length, so that columns stay in line whatever font the reader has
function tspan({ column, text, classes }: Run): string {
  const x = (margin.side + column * cell.width).toFixed(1)
  const length = (stringWidth(text) * cell.width).toFixed(1)
  const style = classes === '' ? '' : ` class="${classes}"`
  return `<tspan x="${x}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${style}>${escape(text)}</tspan>`
}

const lines = readFileSync(0, 'utf8').trimEnd().split('\n').map(settled)
const columns = Math.max(...lines.map((line) => stringWidth(line)))
const width = Math.ceil(margin.side * 2 + columns * cell.width)
const height = margin.top + lines.length * cell.height + margin.foot
const body = lines.map((line, at) => {
  const spans = runs(line).map(tspan).join('')
  return spans && `<text y="${margin.top + (at + 0.75) * cell.height}">${spans}</text>`
})

writeFileSync(
  file,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Output of ${escape(title)}">
<style>
  text { font: 13.5px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d9dee4 }
  .bold { font-weight: 700; fill: #ffffff } .dim { fill: #939ca7 }
  .red { fill: #ff9a90 } .green { fill: #7ccf9c } .yellow { fill: #efb95a } .blue { fill: #93b4ff }
</style>
<rect width="${width}" height="${height}" rx="9" fill="#161a1f"/>
<g fill="#39414b"><circle cx="20" cy="20" r="5.5"/><circle cx="38" cy="20" r="5.5"/><circle cx="56" cy="20" r="5.5"/></g>
<text x="${width / 2}" y="24.5" text-anchor="middle" class="dim">${escape(title)}</text>
${body.filter((line) => line !== '').join('\n')}
</svg>
`
)
