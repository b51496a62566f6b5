import { createPrivateKey, X509Certificate } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { Type } from 'typebox'
import {
  newName,
  type Binding,
  type BoundPlan,
  type Bundle,
  type Connector,
  type Journal,
  type KeyFamily,
  type Plan,
  type PlanOrder,
  type Session,
  type Slot,
  type Verdict
} from '../../../connectors/contract.ts'
import { Fault } from '../../../core/fault.ts'
import { maybeFail } from './faults.ts'
import { digest, type FileConf } from './server.ts'

/** How a file device is reached. */
export interface FileSettings {
  readonly directory: string
  /** by target */
  readonly ports: Readonly<Record<string, number>>
  readonly controlPort: number
  readonly role: 'single' | 'active' | 'standby'
}

/** A real connector for the tests of the engine: files in a directory, a server that rereads them, faults on demand. */
export const fileConnector: Connector = {
  id: 'files',
  title: 'files in a directory',
  traits: { atomicSwap: true, explicitSave: false, lock: 'device' },
  settings: Type.Object({
    directory: Type.String(),
    ports: Type.Record(Type.String(), Type.Number()),
    controlPort: Type.Number(),
    role: Type.String()
  }),
  secrets: [],
  identify: () => Promise.resolve([]),
  async connect({ settings }, signal) {
    const device = settings as unknown as FileSettings
    note(device, 'connect')
    await maybeFail(device.directory, 'connect', signal)
    return session(device)
  }
}

/** what was done, for tests that count */
function note({ directory }: FileSettings, what: string): void {
  appendFileSync(join(directory, 'calls.log'), `${what}\n`)
}

function session(device: FileSettings): Session {
  return {
    check: () =>
      Promise.resolve({ product: 'files', version: '1', role: device.role, rights: [], notes: [] }),
    role: () => Promise.resolve(device.role),
    async *discover() {
      yield Object.keys(confOf(device).targets).map((target) => bindingOf(device, target))
      await Promise.resolve()
    },
    async plan(order, signal) {
      await maybeFail(device.directory, 'plan', signal)
      return planOf(device, order)
    },
    deploy: (plan, bundle, journal, signal) => deploy(device, { plan, bundle, journal, signal }),
    async verify(plan, signal) {
      await maybeFail(device.directory, 'verify', signal)
      return verify(device, plan)
    },
    rollback: (plan, journal, signal) => rollback(device, { plan, journal, signal }),
    cleanup: (plan, keep) => Promise.resolve(cleanup(device, plan, keep)),
    isOpen: () => true,
    close: () => Promise.resolve()
  }
}

const confFile = ({ directory }: FileSettings) => join(directory, 'conf.json')
const confText = (device: FileSettings) => readFileSync(confFile(device), 'utf8')
const confOf = (device: FileSettings) => JSON.parse(confText(device)) as FileConf

function targetOf(device: FileSettings, target: string) {
  const found = confOf(device).targets[target]
  if (!found) throw new Fault('target-missing', `target ${target}: the device has none of this name`)
  return found
}

function slotsOf(device: FileSettings, target: string): Slot[] {
  return Object.entries(targetOf(device, target).slots).map(([family, object]) => {
    const leaf = new X509Certificate(readFileSync(join(device.directory, object)))
    return {
      family: family as KeyFamily,
      fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
      object,
      names: (leaf.subjectAltName ?? '').split(', ').map((name) => name.replace('DNS:', '')),
      notAfter: leaf.validToDate.getTime()
    }
  })
}

function bindingOf(device: FileSettings, target: string): Binding {
  const { names } = targetOf(device, target)
  return {
    target,
    title: `files of ${target}`,
    kind: 'files',
    slots: slotsOf(device, target),
    served: names.map((name) => place(device, target, name)),
    shares: [],
    unmanaged: null
  }
}

function place({ ports }: FileSettings, target: string, name: string) {
  return { address: '127.0.0.1', port: ports[target] ?? 0, name, starttls: null }
}

function planOf(device: FileSettings, { target, families }: PlanOrder): Plan {
  const binding = bindingOf(device, target)
  const others = Object.entries(confOf(device).targets).filter(([name]) => name !== target)
  const before = confText(device)
  const conf = JSON.parse(before) as { targets: Record<string, { slots: Record<string, string> }> }
  const own = conf.targets[target]
  if (own)
    own.slots = { ...own.slots, ...Object.fromEntries(families.map((one) => [one, newFile(target, one)])) }
  return {
    connector: 'files',
    target,
    families,
    steps: [
      { id: 'stage', says: 'write the new files beside the old' },
      { id: 'switch', says: 'point the configuration at them' },
      { id: 'reload', says: 'reload the server' }
    ],
    before: binding.slots,
    served: binding.served,
    neighbours: others.flatMap(([other, { names }]) => names.map((name) => place(device, other, name))),
    shares: [],
    warnings: [],
    state: digest(before),
    facts: { before, after: JSON.stringify(conf) }
  }
}

const newFile = (target: string, family: KeyFamily) => `${target}-${family}-${newName(family)}.pem`

interface Facts {
  readonly before: string
  readonly after: string
}

interface Doing {
  readonly plan: BoundPlan
  readonly journal: Journal
  readonly signal: AbortSignal
}

interface StepWork {
  readonly apply: (device: FileSettings, plan: BoundPlan, bundle: Bundle) => Promise<void> | void
  readonly undo: (device: FileSettings, plan: BoundPlan) => Promise<void> | void
}

const steps: Readonly<Record<string, StepWork>> = {
  stage: {
    apply(device, plan, bundle) {
      for (const item of bundle) {
        if (!('key' in item)) throw new Fault('device-refused', 'the key is missing')
        const { family, leaf, chain, key } = item
        if (!new X509Certificate(leaf).checkPrivateKey(createPrivateKey(key.reveal()))) {
          throw new Fault('device-refused', 'the key is not that of the certificate')
        }
        writeFileSync(fileOf(device, plan, family), [leaf, ...chain, key.reveal()].join('\n'), {
          mode: 0o600
        })
      }
    },
    undo(device, plan) {
      for (const family of plan.families) rmSync(fileOf(device, plan, family), { force: true })
    }
  },
  switch: {
    apply: (device, plan) => writeConf(device, factsOf(plan).after),
    undo: (device, plan) => writeConf(device, factsOf(plan).before)
  },
  reload: {
    apply: async (device) => void (await tell(device, 'reload')),
    async undo(device, plan) {
      writeConf(device, factsOf(plan).before)
      await tell(device, 'reload')
    }
  }
}

const factsOf = ({ facts }: BoundPlan) => facts as unknown as Facts

function fileOf({ directory }: FileSettings, { target, bound }: BoundPlan, family: KeyFamily): string {
  return join(directory, `${target}-${family}-${(bound[family] ?? '').slice(0, 16)}.pem`)
}

function writeConf(device: FileSettings, text: string): void {
  const fresh = `${confFile(device)}.new`
  writeFileSync(fresh, text)
  renameSync(fresh, confFile(device))
}

async function deploy(device: FileSettings, doing: Doing & { readonly bundle: Bundle }): Promise<void> {
  const { plan, bundle, journal, signal } = doing
  const now = confText(device)
  if (now !== factsOf(plan).before && now !== factsOf(plan).after) {
    throw new Fault('device-changed', 'the configuration is another one than was planned with')
  }
  for (const { id } of plan.steps) {
    await maybeFail(device.directory, `before ${id}`, signal)
    await steps[id]?.apply(device, plan, bundle)
    note(device, `apply ${id}`)
    await maybeFail(device.directory, `after ${id}`, signal)
    journal.done(id)
    await maybeFail(device.directory, `journaled ${id}`, signal)
  }
}

async function verify(device: FileSettings, plan: BoundPlan): Promise<Verdict> {
  const { after } = factsOf(plan)
  if (confText(device) !== after) return { state: 'differs', why: ['the configuration names other files'] }
  for (const family of plan.families) {
    if (!existsSync(fileOf(device, plan, family))) return { state: 'differs', why: ['a file is not there'] }
  }
  const loaded = await tell(device, 'status')
  if (loaded !== digest(after)) return { state: 'differs', why: ['the server has not loaded it'] }
  return { state: 'in-place' }
}

async function rollback(device: FileSettings, { plan, journal, signal }: Doing): Promise<void> {
  // the step after the last finished one may have begun
  const begun = plan.steps.slice(0, journal.finished.length + 1)
  for (const { id } of begun.toReversed()) {
    await maybeFail(device.directory, `undo-before ${id}`, signal)
    await steps[id]?.undo(device, plan)
    note(device, `undo ${id}`)
    await maybeFail(device.directory, `undo-after ${id}`, signal)
    journal.undone(id)
  }
}

function cleanup(device: FileSettings, { before, bound }: BoundPlan, keep: number): readonly string[] {
  if (keep > 0) return []
  const used = new Set(Object.values(confOf(device).targets).flatMap(({ slots }) => Object.values(slots)))
  const old = before.filter(({ object, fingerprint }) => {
    return !used.has(object) && !Object.values(bound).includes(fingerprint)
  })
  for (const { object } of old) rmSync(join(device.directory, object), { force: true })
  return old.map(({ object }) => object)
}

function tell({ controlPort }: FileSettings, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: '127.0.0.1', port: controlPort })
    let answer = ''
    socket.on('error', () => reject(new Fault('device-unreachable', 'the server does not listen')))
    socket.on('data', (bytes) => (answer += bytes.toString()))
    socket.on('close', () => resolve(answer))
    socket.write(line)
  })
}
