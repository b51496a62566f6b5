import { systemClock } from '../../../core/clock.ts'
import { BigIp, type BigIpOptions } from './big-ip.ts'
import { DeviceGroup } from './device-group.ts'

/** What a pair is started with, beside what both units have. */
export interface PairOptions extends Omit<BigIpOptions, 'hostname' | 'host' | 'port'> {
  /** default failover-group */
  readonly groupName?: string
  readonly autoSync?: boolean
  readonly saveOnAutoSync?: boolean
  /** how long a push takes; default 50 ms */
  readonly syncMs?: number
  /** of the management interfaces; default 127.0.0.1 on two free ports */
  readonly hosts?: readonly [string, string]
  readonly ports?: readonly [number, number]
}

/** Two units of one sync-failover group. */
export interface BigIpPair {
  readonly a: BigIp
  readonly b: BigIp
  readonly group: DeviceGroup
  /** the one that serves */
  readonly active: BigIp
  readonly standby: BigIp
  failover(): Promise<void>
  /** the network between the units */
  disconnect(): void
  reconnect(): void
  /** resolves when no push is under way */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** Starts two units with the same configuration, of which the first is active. */
export async function startPair(options: PairOptions = {}): Promise<BigIpPair> {
  const { hosts = ['127.0.0.1', '127.0.0.1'], ports = [0, 0], clock = systemClock } = options
  const group = new DeviceGroup({
    name: options.groupName ?? 'failover-group',
    autoSync: options.autoSync ?? false,
    saveOnAutoSync: options.saveOnAutoSync ?? false,
    syncMs: options.syncMs ?? 50,
    clock
  })
  const a = await BigIp.start({ ...options, hostname: 'bigip-a.example', host: hosts[0], port: ports[0] })
  const b = await BigIp.start({
    ...options,
    hostname: 'bigip-b.example',
    host: hosts[1],
    port: ports[1],
    seed: {},
    isActive: false
  })
  await b.system.adopt(a.system.running)
  b.system.save()
  for (const [unit, peer] of [
    [a, b],
    [b, a]
  ] as const) {
    unit.peers = [peer]
    unit.group = group
    group.members.push(unit.system)
  }
  const unitIn = (state: BigIp['state'], other: BigIp) => [a, b].find((unit) => unit.state === state) ?? other
  return {
    a,
    b,
    group,
    get active() {
      return unitIn('active', a)
    },
    get standby() {
      return unitIn('standby', b)
    },
    failover: () => a.failover(),
    disconnect: () => group.disconnect(),
    reconnect: () => group.reconnect(),
    settled: () => group.settled(),
    async stop() {
      await a.stop()
      await b.stop()
    }
  }
}
