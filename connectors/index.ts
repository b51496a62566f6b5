import type { Connector } from './contract.ts'

/** Every vendor, a line each; a test holds the list against the folders. */
export const connectors: readonly Connector[] = []
