import t from 'tap'
import { addCommands } from '../../appliance/cli/actions/find-devices.ts'
import type { FoundDevice } from '../../appliance/automation-records.ts'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { accessTo } from '../contract/f5-bigip.ts'
import { temporaryFolder } from '../peers/process.ts'
import { skipWithout } from '../peers/row.ts'
import { snmpdMissing, startSnmpd } from '../peers/snmpd.ts'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { secretFile } from './appliance-world.ts'
import { createBench, jsonLines, schemaErrors } from './cli.ts'

const skip = skipWithout(snmpdMissing())

// F5-BIGIP-SYSTEM-MIB: sysProductName, sysProductVersion, sysCmFailoverStatusId, sysCmSyncStatusId
const bigIp = {
  objectId: '.1.3.6.1.4.1.3375.2.1.3.4.43',
  name: 'LB-1.test',
  community: 'c0mmunity',
  texts: { '1.3.6.1.4.1.3375.2.1.4.1.0': 'BIG-IP', '1.3.6.1.4.1.3375.2.1.4.2.0': '16.1.4' },
  integers: { '1.3.6.1.4.1.3375.2.1.14.3.1.0': 4, '1.3.6.1.4.1.3375.2.1.14.1.1.0': 2 }
}

t.test(
  'a BIG-IP that SNMP finds is offered as a device, and is known once it is one',
  { skip },
  async (t) => {
    const agent = await startSnmpd(bigIp)
    t.teardown(agent.stop)
    const unit = await BigIp.start()
    t.teardown(() => unit.stop())
    const bench = createBench()
    const folder = temporaryFolder()
    t.teardown(() => {
      bench.remove()
      folder.remove()
    })
    const community = `community=${secretFile(folder.path, 'community', bigIp.community)}`
    const find = ['device', 'find', '127.0.0.1', '--port', String(agent.port), '--snmp-version', '2c']
    const asked = () => bench.run([...find, '--secret-file', community, '--json'])

    const first = await asked()
    t.equal(first.code, 0, first.stderr)
    const found = jsonLines(first.stdout)
    t.same(schemaErrors(found), [])
    t.match(found, [
      {
        product: 'F5 BIG-IP',
        version: '16.1.4',
        failover: 'active',
        sync: 'changes pending',
        connector: 'f5-bigip',
        device: null
      }
    ])
    const [, command = ''] = /^Add it: tlsward (.+)$/m.exec(first.stderr) ?? []
    t.equal(command, 'device add lb-1 f5-bigip address=127.0.0.1')

    const [pin] = await f5BigIp.identify(accessTo([unit]), new AbortController().signal)
    const password = `password=${secretFile(folder.path, 'password', 'demo-Admin-1')}`
    const more = [`port=${unit.port}`, '--fingerprint', pin?.fingerprint ?? '', '--secret-file', password]
    const added = await bench.run([...command.split(' '), ...more])
    t.equal(added.code, 0, added.stderr)

    const second = await asked()
    t.match(jsonLines(second.stdout), [{ device: 'lb-1' }])
    t.notMatch(second.stderr, /Add it/)
    const table = await bench.run([...find, '--secret-file', community])
    t.match(table.stdout, /F5 BIG-IP 16\.1\.4 +active, changes pending +f5-bigip +lb-1/)
  }
)

t.test('what an agent calls itself puts nothing into the command', (t) => {
  const record = (name: string, address: string): FoundDevice => ({
    type: 'found-device',
    schema: 1,
    address,
    product: 'F5 BIG-IP',
    version: null,
    failover: null,
    sync: null,
    connector: 'f5-bigip',
    device: null,
    objectId: '1.3.6.1.4.1.3375.2.1.3.4.43',
    name,
    description: '',
    serial: null
  })
  const names = ['$(reboot);x', '--same-machine', '', 'lb', 'LB.other', 'x'.repeat(300)]
  const commands = addCommands(names.map((name, at) => record(name, `10.0.0.${at}`)))
  t.same(commands, [
    'tlsward device add rebootx f5-bigip address=10.0.0.0',
    'tlsward device add same-machine f5-bigip address=10.0.0.1',
    'tlsward device add device-10-0-0-2 f5-bigip address=10.0.0.2',
    'tlsward device add lb f5-bigip address=10.0.0.3',
    'tlsward device add device-10-0-0-4 f5-bigip address=10.0.0.4',
    `tlsward device add ${'x'.repeat(40)} f5-bigip address=10.0.0.5`
  ])
  t.same(
    addCommands([
      { ...record('lb', '10.0.0.1'), connector: null },
      { ...record('lb', '10.0.0.1'), device: 'lb' }
    ]),
    []
  )
  t.end()
})
