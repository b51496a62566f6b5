import type { Connector } from './contract.ts'
import { f5BigIp } from './f5-bigip/index.ts'
import { webHosts } from './web-hosts/index.ts'

/** Every vendor, a line each; a test holds the list against the folders. */
export const connectors: readonly Connector[] = [f5BigIp, webHosts]
