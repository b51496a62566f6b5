import t from 'tap'
import type { Session } from '../../connectors/contract.ts'
import { systemClock } from '../../core/clock.ts'
import { createKeptSessions } from '../../sensor/automation/kept-sessions.ts'

/** A clock that is put forward by hand. */
function handClock() {
  const timers = new Map<() => void, number>()
  const clock = {
    ...systemClock,
    at: 0,
    ticks: () => clock.at,
    after(ms: number, call: () => void) {
      const timer = () => call()
      timers.set(timer, clock.at + ms)
      return () => void timers.delete(timer)
    },
    pass(ms: number) {
      clock.at += ms
      for (const [timer, at] of timers) {
        if (at > clock.at || !timers.delete(timer)) continue
        timer()
      }
    }
  }
  return clock
}

/** Sessions of devices, each with a name; those that were closed are noted. */
function sessions() {
  const clock = handClock()
  const closed: string[] = []
  const names = new Map<Session, string>()
  const kept = createKeptSessions({
    clock,
    signOut: async (session) => void closed.push(names.get(session) ?? '?')
  })
  const signIn = (name: string, by = 'settings') => {
    const session = { isOpen: () => !name.startsWith('lost') } as Session
    names.set(session, name)
    return { session, by, at: clock.ticks() }
  }
  const taken = async (device: number, by = 'settings') => {
    const found = await kept.take(device, by)
    return found && names.get(found.session)
  }
  return { clock, closed, kept, signIn, taken }
}

t.test('a session is kept for the next call to the same device, once', async (t) => {
  const { closed, kept, signIn, taken } = sessions()
  kept.begin()
  await kept.leave(1, signIn('a'))
  t.equal(await taken(2), undefined, 'another device')
  t.equal(await taken(1), 'a')
  t.equal(await taken(1), undefined, 'it is in use')
  t.same(closed, [])
})

t.test('it is closed when nobody has asked for it for ten seconds', async (t) => {
  const { clock, closed, kept, signIn, taken } = sessions()
  kept.begin()
  await kept.leave(1, signIn('a'))
  clock.pass(9_999)
  t.same(closed, [])
  clock.pass(1)
  t.same(closed, ['a'])
  t.equal(await taken(1), undefined)
})

t.test('it is used again and again for a minute, and not longer', async (t) => {
  const { clock, closed, kept, signIn } = sessions()
  kept.begin()
  await kept.leave(1, signIn('a'))
  for (let calls = 0; calls < 6; calls++) {
    clock.pass(9_990)
    const again = await kept.take(1, 'settings')
    t.ok(again)
    if (again) await kept.leave(1, again)
  }
  clock.pass(100)
  t.equal(await kept.take(1, 'settings'), undefined)
  t.same(closed, ['a'])
})

t.test(
  'one that is known to be lost, or was signed in to by other settings, is closed instead',
  async (t) => {
    const { closed, kept, signIn, taken } = sessions()
    kept.begin()
    await kept.leave(1, signIn('good'))
    await kept.leave(1, signIn('lost'))
    await kept.leave(1, signIn('other', 'former settings'))
    t.equal(await taken(1), 'good')
    t.same(closed, ['other', 'lost'])
  }
)

t.test('when a device is dropped, those in use are closed at the end of their call', async (t) => {
  const { clock, closed, kept, signIn, taken } = sessions()
  kept.begin()
  const inUse = signIn('in use')
  await kept.leave(1, signIn('idle'))
  await kept.leave(2, signIn('elsewhere'))
  clock.pass(5)
  await kept.drop(1)
  await kept.leave(1, inUse)
  t.same(closed, ['idle', 'in use'])
  clock.pass(5)
  await kept.leave(1, signIn('fresh'))
  t.equal(await taken(1), 'fresh')
  t.equal(await taken(2), 'elsewhere')
})

t.test('before the engine runs and once it stops nothing is kept', async (t) => {
  const { closed, kept, signIn } = sessions()
  await kept.leave(1, signIn('before'))
  kept.begin()
  await kept.leave(1, signIn('while'))
  await kept.end()
  await kept.leave(1, signIn('after'))
  t.same(closed, ['before', 'while', 'after'])
})

t.test('many devices do not make many open sessions', async (t) => {
  const { closed, kept, signIn } = sessions()
  kept.begin()
  for (let device = 1; device <= 40; device++) await kept.leave(device, signIn(`of ${device}`))
  t.equal(closed.length, 8)
  t.equal(closed[0], 'of 1')
})
