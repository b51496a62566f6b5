import type { ScanRequest } from './functions.ts'

/** A scan of nothing but its targets, on the usual ports at the usual pace: what others change or add to. */
export const plainScan: Omit<ScanRequest, 'targets'> = {
  found: [],
  excluded: [],
  doNotScan: [],
  ports: null,
  names: [],
  ptr: false,
  certificateNames: false,
  maxNames: 20,
  pace: {},
  probe: {},
  looks: { deep: false, ssh: false, revocation: false },
  workers: 0,
  maxTargets: 1_000,
  owner: null,
  tags: []
}
