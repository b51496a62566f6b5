import type { Json } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import { accessTo } from '../../sensor/automation/sessions.ts'
import type { Credentials } from '../../sensor/automation/ports.ts'
import type { DeviceRow } from '../../sensor/store/devices.ts'
import type { DeviceChange } from '../automation-functions.ts'
import type { DeviceCheck } from '../automation-records.ts'
import {
  acceptedPins,
  connectorNamed,
  givenSecrets,
  inTurn,
  never,
  resolved,
  signedIn,
  stillThere
} from './device-access.ts'
import { noteCheck } from './devices.ts'
import { checkRecord } from './records.ts'
import { checkMachine, checkOwned, reachOf, type Machine } from './same-machine.ts'
import { ownerOf, type Site } from './site.ts'

/**
 * Tries other settings (and credentials), and keeps them when they work. When they lead to another place, nothing that
 * was accepted before counts there: no credential is sent but to what `pins` accept, and the device is only read from
 * then on. Faults: device-missing, device-used (something is half-way at the old place), device-same, target-owned,
 * option-malformed, and those of Connector.connect.
 */
export async function changeDevice(site: Site, of: DeviceChange): Promise<DeviceCheck> {
  const { store, vault, engine, clock, log } = site
  const device = store.devices.named(of.name)
  const connector = connectorNamed(device.connector)
  const settings = of.settings as Json
  const moves = reachOf(connector, settings) !== reachOf(connector, JSON.parse(device.settings) as Json)
  const machine = { connector, settings, pins: of.pins ?? [], device: device.id }
  const checkMove = () => (moves ? mayMove(site, device, { ...machine, second: of.sameMachine }) : undefined)
  checkMove()
  const given = givenSecrets(connector, of.secrets)
  const secrets = await resolved(site, given)
  const check = await inTurn(site, device, async () => {
    const kept = await accessTo(engine.context, stillThere(site, device))
    const secret: Credentials = (field) => secrets.get(field) ?? kept.secret(field)
    const pins = of.pins ?? (moves ? [] : kept.pins)
    return signedIn(site, { connector, access: { ...kept, settings, secret, pins }, signal: never })
  })
  const noted = store.durable(() => {
    const { id } = stillThere(site, device)
    checkMove()
    store.devices.setSettings(id, JSON.stringify(settings))
    if (moves) store.devices.setWritable(id, 'read-only')
    if (moves || of.pins) store.devices.setPins(id, acceptedPins(of.pins ?? [], clock.now()))
    for (const [field, value] of Object.entries(given)) vault.put(ownerOf({ id }), field, value)
    return noteCheck(site, store.devices.get(id), check)
  })
  await engine.context.sessions.drop(device.id)
  log.info('device-set', { device: of.name, moved: moves })
  return checkRecord(of.name, noted)
}

type Move = Machine & { readonly second: DeviceChange['sameMachine'] }

/** what was begun at the old place can be undone only there */
function mayMove({ store }: Site, device: DeviceRow, { second = 'refused', ...machine }: Move): void {
  const halfWay = store.devices
    .openEvents(device.id)
    .filter((event) =>
      store.deployments
        .of(event)
        .some((one) => one.device === device.id && one.began !== null && one.live === null)
    )
  if (halfWay.length > 0) {
    const message =
      `device ${device.name}: event ${halfWay.join(', ')} has begun to write at its present place, and must be undone ` +
      'there; let it end, or give it up (tlsward events give-up), before the device moves'
    throw new Fault('device-used', message, { device: device.name, events: halfWay.join(', ') })
  }
  checkMachine(store, machine, second)
  for (const { device: id, target } of store.managedTargets.list()) {
    if (id === device.id) checkOwned(store, machine, target)
  }
}
