import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { bindPlan, type BundleItem, newName, type Plan } from '../../connectors/contract.ts'
import { commandLine } from '../../connectors/shared/ssh-host.ts'
import { checkBundle, checkPair } from '../../connectors/shared/pair.ts'
import { backward, forward, type Step } from '../../connectors/shared/steps.ts'
import { sudoersLine } from '../../connectors/shared/sudo.ts'
import { Secret } from '../../core/secret.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'

const root = createAuthority('root')
const upper = createAuthority('upper', { issuer: root })
const lower = createAuthority('lower', { issuer: upper })
const leaf = createCertificate({ names: ['a.test'], issuer: lower })
const rsa = createCertificate({ names: ['a.test'], key: 'rsa2048', issuer: lower })
const now = Date.now()

function itemOf(certificate: Certificate, more: Partial<BundleItem> = {}): BundleItem {
  const { pem, chain, keyPem, fingerprint } = certificate
  const rest = chain.slice(1).map((one) => one.pem)
  return { family: 'ecdsa', fingerprint, leaf: pem, chain: rest, key: new Secret(keyPem), ...more }
}

t.test('a whole pair is taken as it is', async (t) => {
  const { leaf: pem, chain, fingerprint } = checkPair(itemOf(leaf), now)
  t.equal(pem, leaf.pem)
  t.equal(chain, lower.pem + upper.pem)
  t.equal(fingerprint, leaf.fingerprint)
  t.equal(checkPair(itemOf(rsa, { family: 'rsa' }), now).family, 'rsa')
})

t.test('what servers take and then fail with is refused, by name', async (t) => {
  const other = createCertificate({ names: ['a.test'], issuer: lower })
  const day = 86_400_000
  const weak = createCertificate({ names: ['a.test'], issuer: lower, hash: 'sha1' })
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const short = createCertificate({ names: ['a.test'], issuer: lower, key: privateKey })
  const wrong: readonly (readonly [string, BundleItem, RegExp])[] = [
    ['a key of the same type', itemOf(leaf, { key: new Secret(other.keyPem) }), /belongs to another/],
    ['a key of another type', itemOf(leaf, { key: new Secret(rsa.keyPem) }), /belongs to another/],
    ['an RSA certificate as ECDSA', itemOf(rsa), /its key is RSA/],
    ['no key', itemOf(leaf, { key: new Secret('x') }), /cannot be read/],
    ['another fingerprint', itemOf(leaf, { fingerprint: other.fingerprint }), /fingerprint/],
    ['the intermediate first', itemOf(leaf, { leaf: lower.pem }), /fingerprint/],
    ['the chain turned round', itemOf(leaf, { chain: [upper.pem, lower.pem] }), /out of order/],
    ['a gap in the chain', itemOf(leaf, { chain: [upper.pem] }), /out of order/],
    ['two certificates in one', itemOf(leaf, { leaf: leaf.pem + lower.pem }), /one PEM certificate/],
    ['a signature by SHA-1', itemOf(weak), /signed by ECDSA-SHA1/],
    ['a short RSA key', itemOf(short, { family: 'rsa' }), /only 1024 bits/],
    ['a key in the chain', itemOf(leaf, { chain: [leaf.keyPem] }), /one PEM certificate/]
  ]
  for (const [what, item, message] of wrong) {
    t.throws(() => checkPair(item, now), { code: 'device-refused', message }, what)
  }
  t.throws(() => checkPair(itemOf(leaf), now + 400 * day), { message: /expired/ })
  t.throws(() => checkPair(itemOf(leaf), now - 400 * day), { message: /not valid yet/ })
  t.throws(() => checkPair(itemOf(leaf, { leaf: leaf.pem.slice(0, 300) }), now), {
    code: 'certificate-malformed'
  })
})

t.test('a bundle has exactly the certificates that the plan was bound to', async (t) => {
  const plan: Plan = {
    connector: 'x',
    target: 'x',
    families: ['ecdsa'],
    steps: [{ id: 'stage', says: `write ${newName('ecdsa')}` }],
    before: [],
    served: [],
    neighbours: [],
    shares: [],
    warnings: [],
    state: '',
    facts: null
  }
  const bound = bindPlan(plan, { ecdsa: leaf.fingerprint })
  t.equal(bound.steps[0]?.says, `write ${leaf.fingerprint.slice(0, 16)}`)
  t.equal(checkBundle(bound, [itemOf(leaf)], now).length, 1)
  t.throws(() => checkBundle(bound, [], now), { code: 'device-refused' })
  t.throws(() => checkBundle(bound, [itemOf(leaf), itemOf(leaf)], now), { code: 'device-refused' })
  const other = createCertificate({ names: ['a.test'], issuer: lower })
  t.throws(() => checkBundle(bound, [itemOf(other)], now), { code: 'device-refused', message: /bound to/ })
})

t.test('steps go forwards and backwards, and the journal hears of each once', async (t) => {
  const acts: string[] = []
  const steps = ['a', 'b', 'c'].map((id): Step<null> => {
    const act = (what: string) => async () => void acts.push(`${what} ${id}`)
    return { id, says: id, apply: act('do'), undo: act('undo') }
  })
  const heard: string[] = []
  const journal = (finished: readonly string[]) => ({
    finished,
    done: (step: string) => void heard.push(`done ${step}`),
    undone: (step: string) => void heard.push(`undone ${step}`)
  })
  await forward(steps, null, journal(['a']))
  t.same(heard, ['done b', 'done c'])
  await backward(steps, null, journal(['a', 'b']))
  t.same(acts.slice(3), ['undo c', 'undo b', 'undo a'], 'also the one that may have begun')
  t.same(heard.slice(2), ['undone b', 'undone a'])
})

t.test('lines for login shells and for sudoers', async (t) => {
  t.match(commandLine(['echo', "it's"]), /^exec \/bin\/sh -c '.*' sh 'echo' 'it'\\''s'$/)
  t.notMatch(commandLine(['echo', 'a!b\\c\nd']).slice('exec /bin/sh -c '.length), /!|\n|\\[^0]/)
  t.equal(
    sudoersLine('svc', [
      ['/usr/sbin/nginx', '-t'],
      ['/bin/x', 'a=b:c,d']
    ]),
    'svc ALL=(root) NOPASSWD: /usr/sbin/nginx -t, /bin/x a\\=b\\:c\\,d'
  )
})
