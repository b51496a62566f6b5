import type { Configuration, Draft } from './configuration.ts'

type Either = Configuration | Draft

/** Who names a certificate: profiles by their own entries, other certificates as issuer, the GUI's web server. */
export function usersOfCert(configuration: Either, fullPath: string): string[] {
  const pairs = Object.values(configuration.clientSsl)
    .filter(({ certKeyChain }) =>
      certKeyChain?.some(({ cert, chain }) => cert === fullPath || chain === fullPath)
    )
    .map((profile) => profile.fullPath)
  const files = Object.values(configuration.certs)
    .filter(({ issuerCert }) => issuerCert === fullPath)
    .map((file) => file.fullPath)
  return [...pairs, ...files, ...settingsNaming(configuration, fullPath)]
}

/** Who names a key. */
export function usersOfKey(configuration: Either, fullPath: string): string[] {
  const pairs = Object.values(configuration.clientSsl)
    .filter(({ certKeyChain }) => certKeyChain?.some(({ key }) => key === fullPath))
    .map((profile) => profile.fullPath)
  return [...pairs, ...settingsNaming(configuration, fullPath)]
}

/** Settings that hold the full path of a file: server-ssl cert, key, chain, caFile; client-ssl caFile; sys httpd. */
function settingsNaming({ clientSsl, profiles, httpd }: Either, fullPath: string): string[] {
  const named = [...Object.values(clientSsl), ...Object.values(profiles)]
    .filter(({ settings }) => Object.values(settings).includes(fullPath))
    .map((profile) => profile.fullPath)
  return [...named, ...(Object.values(httpd).includes(fullPath) ? ['/sys/httpd'] : [])]
}
