import { linePrelude, say } from './lines.ts'
import { alien, ready, refused, wait, type Prelude } from './prelude.ts'

/** SMTP and submission: greeting, EHLO, STARTTLS (RFC 3207). */
export function smtpPrelude(): Prelude {
  let state: 'greeting' | 'ehlo' | 'starttls' = 'greeting'
  let offered = false
  return linePrelude((line) => {
    const [, code = '', dash = ''] = /^(\d{3})([ -]?)/.exec(line) ?? []
    if (code === '') return alien
    if (state === 'greeting' && !code.startsWith('2'))
      return code.startsWith('5') || code.startsWith('4') ? refused : alien
    if (/^.{4}STARTTLS\s*$/i.test(line)) offered = true
    if (dash === '-') return wait
    if (state === 'greeting') {
      state = 'ehlo'
      return say('EHLO tlsward.invalid')
    }
    if (state === 'ehlo') {
      if (code !== '250' || !offered) return refused
      state = 'starttls'
      return say('STARTTLS')
    }
    return code === '220' ? ready : refused
  })
}

/** IMAP: greeting, STARTTLS (RFC 9051 §6.2.1). */
export function imapPrelude(): Prelude {
  let greeted = false
  return linePrelude((line) => {
    if (!greeted) {
      if (!/^\* (OK|PREAUTH|BYE)/i.test(line)) return alien
      greeted = true
      return /^\* OK/i.test(line) ? say('t1 STARTTLS') : refused
    }
    if (line.startsWith('* ')) return wait
    if (!/^t1 /i.test(line)) return alien
    return /^t1 OK/i.test(line) ? ready : refused
  })
}

/** POP3: greeting, STLS (RFC 2595 §4). */
export function pop3Prelude(): Prelude {
  let greeted = false
  return linePrelude((line) => {
    if (!/^(\+OK|-ERR)/i.test(line)) return alien
    if (line.startsWith('-')) return refused
    if (greeted) return ready
    greeted = true
    return say('STLS')
  })
}

/** FTP: greeting, AUTH TLS (RFC 4217 §4). */
export function ftpPrelude(): Prelude {
  let greeted = false
  return linePrelude((line) => {
    const [, code = '', dash = ''] = /^(\d{3})([ -]?)/.exec(line) ?? []
    // between the first and the last line of an answer any text may stand (RFC 959 §4.2)
    if (code === '' || dash === '-') return code === '' && !greeted && !/^\s/.test(line) ? alien : wait
    if (!greeted) {
      if (code !== '220') return /^[45]/.test(code) ? refused : alien
      greeted = true
      return say('AUTH TLS')
    }
    return code === '234' || code === '334' ? ready : refused
  })
}
