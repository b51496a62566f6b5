import { X509Certificate } from 'node:crypto'
import { request } from 'node:http'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t from 'tap'
import { type Certificate, createCertificate } from '../peers/certificates.ts'
import { freePort } from '../peers/ports.ts'
import { isInstalled } from '../peers/process.ts'
import { lookWithOpenssl } from '../peers/s-client.ts'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { startPair } from '../simulators/f5-bigip/pair.ts'
import { ask, createSite, install, startSite } from '../unit/f5-simulator-world.ts'

const skip = isInstalled('openssl') || process.env['CI'] === 'true' ? false : 'openssl is not installed'
const www = 'ltm/profile/client-ssl/~Common~www'

interface Place {
  readonly address: string
  readonly port: number
}

/** What is served, the fingerprint of each certificate; what is wrong, when nothing is. */
function served({ address, port }: Place, options: ConnectionOptions = {}): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ host: address, port, rejectUnauthorized: false, ...options }, () => {
    const { raw } = socket.getPeerCertificate()
    resolve(new X509Certificate(raw).fingerprint256.replaceAll(':', '').toLowerCase())
    socket.destroy()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  socket.on('close', () => resolve('closed'))
  return promise
}

/** A connection that stays; whether it still answers is asked with HTTP. */
function kept({ address, port }: Place): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const socket = connect({ host: address, port, rejectUnauthorized: false }, () => resolve(socket))
  socket.on('error', reject)
  return promise
}

function answers(socket: TLSSocket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.once('data', (data: Buffer) => resolve(data.toString().split('\r\n')[0] ?? ''))
  socket.once('close', () => resolve('closed'))
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  return promise
}

function plainAnswer({ address, port }: Place): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const sent = request({ host: address, port, agent: false }, (response) => {
    response.resume()
    resolve(String(response.statusCode))
  })
  sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  sent.end()
  return promise
}

t.test('a virtual server shows what its profile says, by name and by kind of key', { skip }, async (t) => {
  const { unit, site } = await startSite()
  const { address: host, port, rsa, ecdsa, shop, authority } = site
  const look = async (...args: string[]) => (await lookWithOpenssl({ host, port, args })).chain
  const chain = (leaf: Certificate) => [leaf.fingerprint, authority.fingerprint]
  const rsaOnly = ['-sigalgs', 'RSA-PSS+SHA256:RSA+SHA256']
  const ecdsaOnly = ['-sigalgs', 'ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256']
  t.same(await look('-tls1_3', ...rsaOnly), chain(rsa))
  t.same(await look('-tls1_3', ...ecdsaOnly), chain(ecdsa))
  t.same(await look('-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'), chain(rsa))
  t.same(await look('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'), chain(ecdsa))
  t.same(await look('-servername', 'SHOP.example.org'), chain(shop))
  t.same(await look('-servername', 'unknown.example', ...rsaOnly), chain(rsa), 'the default for other names')
  t.same(await look('-servername', 'www.example.org', ...ecdsaOnly), chain(ecdsa))
  t.match(await lookWithOpenssl({ host, port, args: rsaOnly }), { output: /New, TLSv1.3/ })
  await unit.stop()
})

t.test('names come from the certificate where a profile has none, with wildcards', async (t) => {
  const port = await freePort('127.0.4.3')
  const wild = createCertificate({ names: ['*.wild.example', 'alone.example'] })
  const base = createCertificate({ names: ['base.example'] })
  const files = (name: string) => ({ cert: `/Common/${name}.crt`, key: `/Common/${name}.key` })
  const unit = await BigIp.start({
    seed: {
      certs: { '/Common/wild.crt': wild.pem, '/Common/base.crt': base.pem },
      keys: { '/Common/wild.key': wild.keyPem, '/Common/base.key': base.keyPem },
      clientSsl: {
        '/Common/base': { sniDefault: 'true', ...files('base') },
        '/Common/wild': files('wild')
      },
      virtuals: {
        '/Common/v': { destination: `127.0.4.3:${port}`, profiles: ['/Common/base', '/Common/wild'] }
      }
    }
  })
  const place = { address: '127.0.4.3', port }
  const of = (servername: string) => served(place, { servername })
  t.equal(await of('a.wild.example'), wild.fingerprint)
  t.equal(await of('alone.example'), wild.fingerprint)
  t.equal(await of('a.b.wild.example'), base.fingerprint)
  t.equal(await served(place), base.fingerprint)
  await unit.act('PATCH', 'ltm/profile/client-ssl/~Common~base', { sniRequire: 'true' })
  t.match(await served(place), /ERR_SSL.*UNRECOGNIZED_NAME/)
  t.equal(await of('other.example'), base.fingerprint, 'any name will do')
  t.equal(await of('a.wild.example'), wild.fingerprint)
  await unit.stop()
})

t.test('a change is seen by the next handshake, and connections live on', async (t) => {
  const { unit, site } = await startSite()
  const fresh = createCertificate({ names: ['www.example.org'], key: 'rsa2048', issuer: site.authority })
  await install(unit, 'fresh', fresh)
  const before = await kept(site)
  const body = { certKeyChain: [{ name: 'www', cert: '/Common/fresh.crt', key: '/Common/fresh.key' }] }
  t.equal(await served(site, { servername: 'shop.example.org' }), site.shop.fingerprint)
  t.equal((await ask(unit, 'PATCH', www, { body })).status, 200)
  t.equal(await served(site), fresh.fingerprint)
  t.equal(await served(site, { servername: 'www.example.org' }), fresh.fingerprint)
  t.equal(await served(site, { servername: 'shop.example.org' }), site.shop.fingerprint)
  t.match(await answers(before), '200 OK')
  await unit.reboot()
  t.equal(await answers(before), 'closed')
  t.not(await served(site), fresh.fingerprint, 'it was not saved')
  before.destroy()
  await unit.stop()
})

t.test('a parent is seen through its children, and a refused change by nobody', async (t) => {
  const { unit, site } = await startSite()
  const child = { address: site.address, port: site.childPort }
  t.equal(await served(child), site.shop.fingerprint, 'a route domain does not matter here')
  const pair = { name: 'x', cert: '/Common/www-rsa.crt', key: '/Common/www-rsa.key' }
  await ask(unit, 'PATCH', 'ltm/profile/client-ssl/~Common~shop', { body: { certKeyChain: [pair] } })
  t.equal(await served(child), site.rsa.fingerprint)
  const wrong = { certKeyChain: [{ ...pair, key: '/Common/shop.key' }] }
  t.equal((await ask(unit, 'PATCH', 'ltm/profile/client-ssl/~Common~shop', { body: wrong })).status, 400)
  t.equal(await served(child), site.rsa.fingerprint)
  await unit.stop()
})

t.test('TLS 1.2 sessions outlive a change of certificates, TLS 1.3 has none', async (t) => {
  const { unit, site } = await startSite()
  const session = (options: ConnectionOptions) => {
    const { promise, resolve, reject } = Promise.withResolvers<{
      isReused: boolean
      session: Buffer | undefined
    }>()
    const { address: host, port } = site
    const socket = connect({ host, port, rejectUnauthorized: false, ...options }, () => {
      resolve({ isReused: socket.isSessionReused(), session: socket.getSession() })
      socket.destroy()
    })
    socket.on('error', reject)
    return promise
  }
  for (const [version, isKept] of [
    ['TLSv1.2', true],
    ['TLSv1.3', false]
  ] as const) {
    const first = await session({ maxVersion: version, minVersion: version })
    const pair = { name: 'x', cert: '/Common/shop.crt', key: '/Common/shop.key' }
    await ask(unit, 'PATCH', www, { body: { certKeyChain: [pair] } })
    const options = {
      maxVersion: version,
      minVersion: version,
      ...(first.session ? { session: first.session } : {})
    }
    t.equal((await session(options)).isReused, isKept, version)
  }
  await unit.stop()
})

t.test('only what is switched on, on the loopback, and with a port listens', async (t) => {
  const { unit, site } = await startSite()
  const path = 'ltm/virtual/~Common~vs-www'
  const before = await kept(site)
  await ask(unit, 'PATCH', path, { body: { disabled: true } })
  t.equal(await served(site), 'ECONNREFUSED')
  t.match(await answers(before), '200 OK', 'who is there may stay')
  before.destroy()
  await ask(unit, 'PATCH', path, { body: { enabled: true } })
  t.equal(await served(site, { servername: 'shop.example.org' }), site.shop.fingerprint)
  t.equal(await plainAnswer({ address: site.address, port: site.plainPort }), '200')
  const six = await freePort('::1')
  for (const [name, destination] of [
    ['far', '192.0.2.1:443'],
    ['any', '0.0.0.0:443'],
    ['ports', `${site.address}:0`],
    ['six', `::1.${six}`]
  ] as const) {
    t.equal(
      (await ask(unit, 'POST', 'ltm/virtual', { body: { name, destination, profiles: ['/Common/www'] } }))
        .status,
      200
    )
  }
  t.same([...unit.unserved.keys()], ['/Common/far', '/Common/any', '/Common/ports'])
  t.ok([site.rsa.fingerprint, site.ecdsa.fingerprint].includes(await served({ address: '::1', port: six })))
  await ask(unit, 'PATCH', www, { body: { mode: 'disabled' } })
  t.equal(await plainAnswer({ address: '::1', port: six }), '200', 'without a working profile it is plain')
  await ask(unit, 'DELETE', 'ltm/virtual/~Common~six')
  t.equal(await plainAnswer({ address: '::1', port: six }), 'ECONNREFUSED')
  await unit.stop()
})

t.test('versions are those of the profile', { skip }, async (t) => {
  const { unit, site } = await startSite()
  const look = async (version: string) =>
    (await lookWithOpenssl({ host: site.address, port: site.port, args: [version] })).chain.length > 0
  t.same([await look('-tls1_2'), await look('-tls1_3')], [true, true])
  await ask(unit, 'PATCH', www, { body: { tmOptions: ['dont-insert-empty-fragments', 'no-tlsv1.3'] } })
  t.same([await look('-tls1_2'), await look('-tls1_3')], [true, false])
  await unit.stop()
})

t.test('the active unit of a pair serves, and after a failover its peer does', async (t) => {
  const site = await createSite('127.0.4.4')
  const localPort = await freePort(site.address)
  const virtuals = {
    ...site.seed.virtuals,
    '/Common/vs-local': { destination: `${site.address}:${localPort}`, profiles: ['/Common/shop'] }
  }
  const pair = await startPair({
    seed: { ...site.seed, virtuals, localVirtuals: ['/Common/vs-local'] },
    syncMs: 1
  })
  const { a, b } = pair
  const fresh = createCertificate({ names: ['www.example.org'], key: 'rsa2048', issuer: site.authority })
  await install(a, 'fresh', fresh)
  const body = { certKeyChain: [{ name: 'www', cert: '/Common/fresh.crt', key: '/Common/fresh.key' }] }
  await ask(a, 'PATCH', www, { body })
  t.equal(await served(site), fresh.fingerprint)
  t.equal(b.unserved.get('/Common/vs-www'), 'served by another unit')
  await pair.failover()
  t.ok(
    [site.rsa.fingerprint, site.ecdsa.fingerprint].includes(await served(site)),
    'the peer has the old one still'
  )
  await pair.failover()
  t.equal(await served(site), fresh.fingerprint)
  await ask(a, 'POST', 'cm', { body: { command: 'run', utilCmdArgs: 'config-sync to-group failover-group' } })
  await pair.settled()
  await pair.failover()
  t.equal(await served(site), fresh.fingerprint)
  t.equal(
    await served({ address: site.address, port: localPort }),
    site.shop.fingerprint,
    'one has it for itself'
  )
  await pair.stop()
  t.equal(await served(site), 'ECONNREFUSED')
})
