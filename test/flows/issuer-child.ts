// Takes an order to its end in a process of its own, which may be killed anywhere, by itself at the nth time of a
// moment: `node issuer-child.ts SITE MOMENT NTH`. With `abandon` behind it the order is given up instead.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { abandon, drive, fileMemory, openIssuer, requestOf, type IssuerSite } from './issuer-world.ts'

const [text = '', moment = '', nth = '1', what = 'order'] = process.argv.slice(2)
const site = JSON.parse(text) as IssuerSite
let times = 0
const happens = (now: string) => {
  if (now === moment && ++times === Number(nth)) process.kill(process.pid, 'SIGKILL')
}
const issuer = openIssuer(site, happens)
const request = requestOf(readFileSync(join(site.folder, 'request.der')))
const memory = fileMemory(join(site.folder, 'order.json'), 'the order', happens)
if (what === 'abandon') await abandon(issuer, memory)
else await drive(issuer, request, memory)
happens('before the certificate is stored')
issuer.close()
