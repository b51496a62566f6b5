// A simulated BIG-IP to try things on: node test/simulators/f5-bigip/main.ts [--port 8443] [--pair]
import { parseArgs } from 'node:util'
import { BigIp, demoAccounts } from './big-ip.ts'
import { demoSeed } from './demo-seed.ts'
import { isLoopback } from './destination.ts'
import type { Fault } from './faults.ts'
import { startPair } from './pair.ts'

const usage = `Usage: node test/simulators/f5-bigip/main.ts [options]

  --port N          port of the management interface (default: a free one); of the second unit: N + 1
  --host ADDRESS    a loopback address for management (default 127.0.0.1)
  --traffic ADDRESS a loopback address for virtual servers (default 127.0.5.1)
  --version V       TMOS version that it says it is (default 16.1.4)
  --pair            two units, active and standby
  --auto-sync       the pair keeps itself alike
  --fault JSON      what goes wrong on each unit (faults.ts), e.g. {"does":"garbage","method":"PATCH","times":9}
`

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    traffic: { type: 'string', default: '127.0.5.1' },
    version: { type: 'string', default: '16.1.4' },
    pair: { type: 'boolean', default: false },
    'auto-sync': { type: 'boolean', default: false },
    fault: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false }
  }
})

async function start(): Promise<void> {
  const { host, traffic, version } = values
  const port = Number(values.port)
  const wrong = [host, traffic].find((address) => !isLoopback(address))
  if (wrong !== undefined) throw new Error(`${wrong} is not on the loopback, and nothing else is listened on`)
  if (!Number.isInteger(port) || port < 0 || port > 65_534) throw new Error(`${values.port} is no port`)
  const { seed, served } = await demoSeed(traffic)
  const options = { seed, version }
  const units: BigIp[] = []
  if (values.pair) {
    const ports = [port, port === 0 ? 0 : port + 1] as const
    const { a, b } = await startPair({
      ...options,
      hosts: [host, host],
      ports,
      autoSync: values['auto-sync'],
      syncMs: 2000
    })
    units.push(a, b)
  } else {
    units.push(await BigIp.start({ ...options, host, port }))
  }
  for (const text of values.fault) {
    for (const { faults } of units) faults.add(JSON.parse(text) as Fault)
  }
  for (const { hostname, url, state } of units) console.log(`${url}  ${hostname} (${state}), TMOS ${version}`)
  console.log(`\n${served.join('\n')}\n`)
  for (const { name, password, role } of demoAccounts)
    console.log(`${name.padEnd(10)} ${password.padEnd(18)} ${role}`)
  const { url = '' } = units[0] ?? {}
  console.log(`\ncurl -k -u admin:demo-Admin-1 '${url}/mgmt/tm/ltm/virtual?expandSubcollections=true'`)
  console.log('Ctrl-C ends it, and everything is forgotten.')
}

if (values.help) console.log(usage)
else await start()
