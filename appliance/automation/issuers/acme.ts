import { Type } from 'typebox'
import { Fault } from '../../../core/fault.ts'
import type { Secret } from '../../../core/secret.ts'
import { acmeIssuer, type AcmeIssuer } from '../../../sensor/issuance/acme.ts'
import {
  AcmeIssuerSettings,
  readAcmeSettings,
  type AcmeIssuerSettings as Settings
} from '../../../sensor/issuance/acme-settings.ts'
import { solverMaker } from '../../../sensor/issuance/solvers/settings.ts'
import type { IssuerRow } from '../../../sensor/store/issuers.ts'
import { keyRing } from '../../vault/key-ring.ts'
import type { IssuerKind, IssuerTools } from '../issuer-kinds.ts'
import { issuerOwner } from '../issuer-owner.ts'

/** what a person may leave out */
const { account, ...rest } = AcmeIssuerSettings.properties
const Wishes = Type.Object({ ...rest, account: Type.Optional(account) }, { additionalProperties: false })

/** for a CA that does not answer while an issuer is set up */
const setUpMs = 60_000

/** An ACME server (RFC 8555): Let's Encrypt, a public CA with an external account, an own step-ca. */
export const acmeKind: IssuerKind = {
  kind: 'acme',
  title: 'ACME server (RFC 8555)',
  settings: Wishes,
  secrets: [
    {
      name: 'mac-key',
      title: 'MAC key of the external account',
      hint: 'base64url, as the CA made it, together with binding.keyId.',
      multiline: false
    },
    {
      name: 'tsig-key',
      title: 'TSIG key',
      hint: 'base64, where names are proved by DNS updates.',
      multiline: false
    },
    { name: 'proxy-password', title: 'Password of the proxy', hint: 'Where it wants one.', multiline: false }
  ],
  async setUp({ name, settings, secret }, tools) {
    const read = readAcmeSettings({ account: name, ...(settings as object) })
    const issuer = opened(read, secret, tools)
    try {
      await issuer.createAccount(AbortSignal.timeout(setUpMs))
    } finally {
      issuer.close()
    }
    return read
  },
  open(row, tools) {
    const { vault } = tools
    const owner = issuerOwner(row)
    const secret = (field: string) => (vault.has(owner, field) ? vault.get(owner, field) : null)
    return opened(settingsOf(row), secret, tools, () => checkThere(row, tools))
  },
  roots: () => [],
  drop(row, { store, vault }) {
    const keys = keyRing(vault, 'account')
    const { account } = settingsOf(row)
    const others = store.issuers.list().filter(({ kind, name }) => kind === 'acme' && name !== row.name)
    if (others.some((other) => settingsOf(other).account === account)) return
    store.issuance.forgetIssuer(account)
    // keys are numbered from 1 without gaps
    for (let at = 1; keys.read(`${account}/${at}`) !== null; at++) keys.drop(`${account}/${at}`)
  }
}

const settingsOf = ({ settings }: IssuerRow): Settings => readAcmeSettings(JSON.parse(settings))

/** what is removed writes nothing more: another of its name would find it. Throws issuer-missing */
function checkThere(row: IssuerRow, { store }: Pick<IssuerTools, 'store'>): void {
  if (store.issuers.isThere(row)) return
  const message = `issuer ${row.name}: it was removed meanwhile; see tlsward issuer list`
  throw new Fault('issuer-missing', message, { issuer: row.name })
}

function opened(
  settings: Settings,
  secret: (field: string) => Secret | null,
  { store, vault, clock, random, log, listeners, webRoot }: IssuerTools,
  checkWrite = () => {}
): AcmeIssuer {
  const { account } = settings
  const ring = keyRing(vault, 'account')
  const checked = (work: () => void) =>
    store.durable(() => {
      checkWrite()
      work()
    })
  return acmeIssuer(
    {
      clock,
      log,
      keys: { ...ring, keep: (name, key) => checked(() => ring.keep(name, key)) },
      account: {
        read: () => store.issuance.memoryOf(account),
        write: (text) => checked(() => store.issuance.remember(account, text))
      },
      secret,
      solver: solverMaker({ clock, random, secret, webRoot }, listeners)
    },
    settings
  )
}
