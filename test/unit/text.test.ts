import t from 'tap'
import { csvCell, jsonLine, visible } from '../../core/text.ts'

/** what a server may write: CSI and OSC of 8 bits, a text that runs backwards, a tag, half a character */
const hostile = '\u009b31m\u009d0;x\u0007\u202egpj\u{e0041}\u007f\ud800'

t.test('text of a peer is shown escaped, and cut', (t) => {
  t.equal(visible(hostile), '\\x9b31m\\x9d0;x\\x07\\u{202e}gpj\\u{e0041}\\x7f\ufffd')
  t.equal(visible('x'.repeat(300), 5), 'xxxx…')
  t.end()
})

t.test('a line of JSON does nothing to a terminal, and is read as the same text', (t) => {
  const record = { [hostile]: [hostile, 'Zürich 東京 😀'] }
  const line = jsonLine(record)
  t.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u202e]|\u{e0041}/u)
  t.same(JSON.parse(line), record)
  t.match(line, 'Zürich 東京 😀')
  t.end()
})

t.test('no cell of a CSV is run by a spreadsheet, whatever it takes for a separator', (t) => {
  t.equal(csvCell('=1+1'), "'=1+1")
  t.equal(csvCell('a;=1+1'), "a;'=1+1")
  t.equal(csvCell('a;"=1+1'), `"a;""'=1+1"`)
  t.equal(csvCell('CN=www.example.org,O=A-B;C'), '"CN=www.example.org,O=A-B;C"')
  t.equal(csvCell(-1), '-1')
  t.equal(csvCell(null), '')
  t.end()
})
