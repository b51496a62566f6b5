import forge from 'node-forge'

/** The pair of a PKCS#12 file, as PEM; null when it cannot be opened so. */
export function readPkcs12(
  content: string,
  passphrase: string
): { readonly key: string; readonly cert: string } | null {
  try {
    const file = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(content), passphrase)
    const { certBag, pkcs8ShroudedKeyBag, keyBag } = forge.pki.oids
    const bags = (type: string | undefined) => file.getBags({ bagType: type ?? '' })[type ?? ''] ?? []
    const [key] = [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)]
    const certs = bags(certBag).map((bag) =>
      bag.cert ? forge.pki.certificateToPem(bag.cert) : pem('CERTIFICATE', bag.asn1)
    )
    if (!key || certs.length === 0) return null
    const keyAsn1 = key.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key.key)) : key.asn1
    return { key: pem('PRIVATE KEY', keyAsn1), cert: certs.join('') }
  } catch {
    return null
  }
}

function pem(type: string, value: forge.asn1.Asn1): string {
  const base64 = Buffer.from(forge.asn1.toDer(value).getBytes(), 'latin1').toString('base64')
  return [`-----BEGIN ${type}-----`, ...(base64.match(/.{1,64}/g) ?? []), `-----END ${type}-----`, ''].join(
    '\n'
  )
}
