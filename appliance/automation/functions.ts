import type { Clock } from '../../core/clock.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { AutomationFunctions } from '../automation-functions.ts'
import type { Places } from '../places.ts'
import type { Driving } from './driving.ts'
import type { Site } from './site.ts'

/** What the functions work with. */
export interface AutomationDeps {
  readonly store: Store
  readonly clock: Clock
  readonly where: Places
  /** opens the automation at its first use: its vault may want a passphrase */
  readonly site: () => Promise<Site>
  readonly driving: Driving
}

const modules = {
  devices: () => import('./devices.ts'),
  deviceSettings: () => import('./device-settings.ts'),
  issuers: () => import('./issuers.ts'),
  profiles: () => import('./profiles.ts'),
  events: () => import('./events.ts'),
  find: () => import('./find.ts'),
  vault: () => import('./vault-functions.ts')
}

/** The functions of the automation. What only some of them need is loaded by them. */
export function automationFunctions(deps: AutomationDeps): AutomationFunctions {
  return {
    ...deviceFunctions(deps),
    ...issuerFunctions(deps),
    ...profileFunctions(deps),
    ...eventFunctions(deps),
    ...eventChanges(deps)
  }
}

type Some<Name extends keyof AutomationFunctions> = Pick<AutomationFunctions, Name>

function deviceFunctions({
  store,
  clock,
  where,
  site,
  driving
}: AutomationDeps): Some<
  | 'connectorForms'
  | 'identifyDevice'
  | 'addDevice'
  | 'devices'
  | 'deviceDetails'
  | 'changeDevice'
  | 'checkDevice'
  | 'devicePins'
  | 'discoverDevice'
  | 'allowDevice'
  | 'setDeviceSecrets'
  | 'removeDevice'
  | 'findDevices'
> {
  return {
    connectorForms: async () => (await modules.devices()).connectorForms(),
    identifyDevice: async (device, signal) =>
      (await modules.devices()).identifyDevice(await site(), device, signal),
    addDevice: async (device, signal) => (await modules.devices()).addDevice(await site(), device, signal),
    devices: async () => (await modules.devices()).devices({ store }),
    deviceDetails: async (name) => (await modules.devices()).deviceDetails({ store }, name),
    async changeDevice(change) {
      const check = await (await modules.deviceSettings()).changeDevice(await site(), change)
      driving.poke()
      return check
    },
    async checkDevice(name, accept, signal) {
      const check = await (await modules.devices()).checkDevice(await site(), name, { accept, signal })
      driving.poke()
      return check
    },
    devicePins: async (name, signal) => (await modules.devices()).devicePins(await site(), name, signal),
    async *discoverDevice(name, signal) {
      yield* (await modules.devices()).discoverDevice(await site(), name, signal)
      driving.poke()
    },
    async allowDevice(name, allowed) {
      ;(await modules.devices()).allowDevice(await site(), name, allowed)
      driving.poke()
    },
    async setDeviceSecrets(name, secrets) {
      const check = await (await modules.devices()).setDeviceSecrets(await site(), name, secrets)
      driving.poke()
      return check
    },
    removeDevice: async (name) => (await modules.devices()).removeDevice(await site(), name),
    async *findDevices(search, watch, signal) {
      yield* (await modules.find()).findDevices(search, watch, { clock, where, store, signal })
    }
  }
}

function issuerFunctions({
  store,
  site
}: AutomationDeps): Some<
  | 'issuerForms'
  | 'addIssuer'
  | 'issuers'
  | 'issuerDetails'
  | 'checkIssuer'
  | 'removeIssuer'
  | 'importCertificate'
  | 'vaultState'
  | 'rotateVault'
  | 'changeVaultSource'
> {
  return {
    issuerForms: async () => (await modules.issuers()).issuerForms(),
    addIssuer: async (issuer) => (await modules.issuers()).addIssuer(await site(), issuer),
    issuers: async () => (await modules.issuers()).issuers({ store }),
    issuerDetails: async (name) => (await modules.issuers()).issuerDetails({ store }, name),
    checkIssuer: async (name) => (await modules.issuers()).checkIssuer(await site(), name),
    removeIssuer: async (name) => (await modules.issuers()).removeIssuer(await site(), name),
    importCertificate: async (issuer, file, password) =>
      (await modules.issuers()).importCertificate(await site(), { issuer, file, password }),
    vaultState: async () => (await modules.vault()).vaultState(await site()),
    rotateVault: async () => (await modules.vault()).rotateVault(await site()),
    changeVaultSource: async (source, passphrase) =>
      (await modules.vault()).changeVaultSource(await site(), source, passphrase)
  }
}

function profileFunctions({
  store,
  site,
  driving
}: AutomationDeps): Some<'putProfile' | 'profiles' | 'removeProfile' | 'assignProfile'> {
  return {
    async putProfile(name, content) {
      const profile = (await modules.profiles()).putProfile(await site(), name, content)
      driving.poke()
      return profile
    },
    profiles: async () => (await modules.profiles()).profiles({ store }),
    removeProfile: async (name) => (await modules.profiles()).removeProfile(await site(), name),
    async assignProfile(targets, profile) {
      await (await modules.profiles()).assignProfile(await site(), targets, profile)
      driving.poke()
    }
  }
}

function eventFunctions({
  store,
  clock,
  site,
  driving
}: AutomationDeps): Some<
  'followEvent' | 'events' | 'eventById' | 'eventHistory' | 'eventPlans' | 'eventRequests' | 'why'
> {
  return {
    async followEvent(id, watch, signal) {
      const { follow } = await modules.events()
      store.events.get(id)
      await driving.start()
      return follow({ store, clock, driving }, id, { watch, signal })
    },
    events: async (query) => (await modules.events()).events({ store }, query),
    eventById: async (id) => (await modules.events()).eventById({ store }, id),
    eventHistory: async (id) => (await modules.events()).eventHistory({ store }, id),
    eventPlans: async (id) => (await modules.events()).eventPlans({ store }, id),
    eventRequests: async (id) => (await modules.events()).eventRequests(await site(), id),
    why: async (target) => (await modules.events()).why(await site(), target)
  }
}

function eventChanges({
  site,
  driving
}: AutomationDeps): Some<
  | 'requestEvent'
  | 'approveEvent'
  | 'widenEvent'
  | 'cancelEvent'
  | 'retryEvent'
  | 'giveUpEvent'
  | 'giveCertificate'
> {
  const changing = async <T>(
    act: (events: Awaited<ReturnType<typeof modules.events>>, site: Site) => T | Promise<T>
  ): Promise<T> => {
    const done = await act(await modules.events(), await site())
    driving.poke()
    return done
  }
  return {
    requestEvent: (request) => changing((events, one) => events.request(one, request)),
    approveEvent: (id, approval) => changing((events, one) => events.approve(one, id, approval)),
    widenEvent: (id, by) => changing((events, one) => events.widen(one, id, by)),
    cancelEvent: (id, by) => changing((events, one) => events.cancel(one, id, by)),
    giveUpEvent: (id, by) => changing((events, one) => events.giveUp(one, id, by)),
    retryEvent: (id, by) => changing((events, one) => events.retry(one, id, by)),
    giveCertificate: (id, pem) => changing((events, one) => events.giveCertificate(one, id, pem))
  }
}
