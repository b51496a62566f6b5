import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'

/** An error as ssh2 makes it: `level` says which layer it comes from. */
export interface SshError extends Error {
  readonly level?: string
  readonly code?: string | number
}

interface Row {
  readonly when: (error: SshError) => boolean
  readonly fault: (place: string, said: string) => Fault
}

/**
 * What ssh2's errors mean (seen with ssh2 1.17 against OpenSSH 9.2 and 10.6), first match. A refused sign-in is never
 * tried again: OpenSSH from 9.8 drops the address for a while (PerSourcePenalties).
 */
const rows: readonly Row[] = [
  {
    when: ({ message }) => message.includes('Host denied'),
    fault: (place) =>
      new Fault(
        'device-pin',
        `${place} shows another host key than the one that was accepted. Nothing was sent; find out why before you accept it.`
      )
  },
  {
    when: ({ level, message }) =>
      level === 'client-authentication' || message.includes('authentication methods'),
    fault: (place) =>
      new Fault(
        'device-sign-in',
        `${place} refuses the sign-in (wrong user, key or password, or a locked account). It is not tried again by itself.`
      )
  },
  {
    when: ({ message }) => message.startsWith('Cannot parse privateKey'),
    fault: (place, said) =>
      new Fault(
        'device-sign-in',
        `The private key for ${place} cannot be read: ${said}. Correct key or passphrase.`
      )
  },
  {
    when: ({ level }) => level === 'handshake',
    fault: (place, said) =>
      new Fault(
        'device-unreachable',
        `${place} and Tlsward share no algorithm: ${said}. For an old server switch on old algorithms in the settings of the device.`
      )
  },
  {
    when: ({ message }) => message.includes('Connection lost before handshake'),
    fault: (place) =>
      new Fault(
        'device-unreachable',
        `${place} closed the connection before the handshake: too many connections, a penalty for this address, or no SSH server.`
      )
  },
  {
    when: ({ message }) => message.includes('Channel open failure'),
    fault: (place, said) => new Fault('device-unreachable', `${place} opens no channel: ${said}.`)
  },
  {
    when: ({ level }) => level === 'client-timeout',
    fault: (place) => new Fault('device-unreachable', `${place} does not answer any more.`)
  }
]

/** The fault for an error of ssh2 at `place` (address:port). */
export function sshFault(place: string, error: SshError): Fault {
  const row = rows.find(({ when }) => when(error))
  const said = visible(error.message)
  return row?.fault(place, said) ?? new Fault('device-unreachable', `${place}: ${said}.`, {}, error)
}
