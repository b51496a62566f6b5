import t from 'tap'
import { containerOf, listProcesses } from '../../connectors/web-hosts/client.ts'
import type { Host } from '../../connectors/shared/host.ts'

const one = '3f'.repeat(32)
const other = 'a0'.repeat(32)

t.test('a container is known by its control groups', async (t) => {
  const cases: readonly (readonly [cgroup: string, container: string | null])[] = [
    ['0::/system.slice/nginx.service', null],
    ['0::/', null],
    [`12:cpu:/docker/${one} 0::/docker/${one}`, one],
    [`0::/system.slice/docker-${one}.scope`, one],
    [`0::/docker/${one}/system.slice/nginx.service`, one],
    [`0::/kubepods.slice/kubepods-pod1f_2a.slice/cri-containerd-${one}.scope`, one],
    [`0::/machine.slice/libpod-${one}.scope/container`, one],
    ['0::/lxc.payload.web1/system.slice/nginx.service', 'web1'],
    ['0::/lxc/web1', 'web1'],
    ['0::/system.slice/lxcfs.service', null]
  ]
  for (const [cgroup, container] of cases) t.equal(containerOf(cgroup), container, cgroup)
})

t.test('a program in the container of the login is no stranger', async (t) => {
  const record = (pid: number, cgroup: string) =>
    [`${pid} (nginx) S 1 ${'0 '.repeat(17)}100 0`, 'nginx', cgroup, '/usr/sbin/nginx', '/', '/'].join('\x1f')
  const listed = async (own: string, cgroups: readonly string[]) => {
    const records = cgroups.map((cgroup, at) => `${record(10 + at, cgroup)}\x1d`)
    const stdout = Buffer.from(`1000.0 500.0 100\n${own}\n${records.join('')}`)
    const host: Host = {
      name: 'host',
      run: async () => ({ code: 0, signal: null, stdout, stderr: '' }),
      talk: async () => ''
    }
    return (await listProcesses(host, ['nginx'])).map(({ contained }) => contained)
  }
  const [here, elsewhere, bare] = [
    `0::/docker/${one}`,
    `0::/docker/${other}`,
    '0::/system.slice/nginx.service'
  ]
  t.same(await listed(here, [here, elsewhere, bare]), [false, true, false])
  t.same(await listed('0::/user.slice', [here, elsewhere, bare]), [true, true, false])
  t.same(await listed('', [here, bare]), [true, false], 'where the login has no control groups')
})
