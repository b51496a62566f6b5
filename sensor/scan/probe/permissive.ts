import { constants } from 'node:crypto'

/** How node:tls speaks whatever OpenSSL still can: nothing is entrusted to such a connection. */
export const permissive = {
  rejectUnauthorized: false,
  checkServerIdentity: () => undefined,
  minVersion: 'TLSv1',
  ciphers: 'DEFAULT:@SECLEVEL=0',
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT
} as const
