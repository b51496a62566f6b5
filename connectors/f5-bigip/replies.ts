import { type Static, type TSchema, Type } from 'typebox'

/**
 * What is read of the answers of iControl REST, 13.0 to 17: only the fields that are used, bounded in size. Numbers and
 * booleans come as text in many places. An empty collection has no `items` at all.
 */

/** names and words: without what acts on a terminal */
const text = Type.String({
  maxLength: 4096,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]*$',
  description: 'a text without control characters'
})
/** shown only in part, or through visible() */
const long = Type.String({ maxLength: 256 * 1024 })
const maybe = <S extends TSchema>(schema: S) => Type.Optional(schema)
const flag = Type.Union([Type.Boolean(), text])

/** A page of a collection. */
export type Page<S extends TSchema> = ReturnType<typeof pageOf<S>>

function pageOf<const S extends TSchema>(item: S) {
  return Type.Object({
    items: maybe(Type.Array(item, { maxItems: 50_000 })),
    totalPages: maybe(Type.Integer()),
    pageIndex: maybe(Type.Integer())
  })
}

export const loginReply = Type.Object({
  token: Type.Object({
    // it goes into a header and a path
    token: Type.String({ pattern: '^[A-Za-z0-9._-]{8,256}$' }),
    timeout: maybe(Type.Integer())
  })
})

export const errorReply = Type.Object({ code: maybe(Type.Unknown()), message: long })

/** one pair of a client-ssl profile */
const entryReply = Type.Object({
  name: text,
  cert: maybe(text),
  key: maybe(text),
  chain: maybe(text),
  usage: maybe(text),
  passphrase: maybe(text),
  appService: maybe(text)
})

export const profileReply = Type.Object({
  name: text,
  fullPath: text,
  partition: maybe(text),
  subPath: maybe(text),
  defaultsFrom: maybe(text),
  certKeyChain: maybe(Type.Array(entryReply, { maxItems: 256 })),
  inheritCertkeychain: maybe(flag),
  serverName: maybe(text),
  sniDefault: maybe(flag),
  sslForwardProxy: maybe(text),
  appService: maybe(text),
  selfLink: maybe(text)
})

const serverSslReply = Type.Object({ fullPath: text, cert: maybe(text), key: maybe(text) })

const virtualReply = Type.Object({
  name: text,
  fullPath: text,
  partition: maybe(text),
  destination: maybe(text),
  disabled: maybe(flag),
  trafficMatchingCriteria: maybe(text),
  appService: maybe(text),
  profilesReference: maybe(
    Type.Object({
      items: maybe(
        Type.Array(
          Type.Object({
            fullPath: text,
            context: maybe(text),
            nameReference: maybe(Type.Object({ link: text }))
          }),
          { maxItems: 1024 }
        )
      )
    })
  )
})

const virtualAddressReply = Type.Object({ fullPath: text, address: maybe(text) })

const certificateReply = Type.Object({
  name: text,
  fullPath: text,
  partition: maybe(text),
  checksum: maybe(text),
  fingerprint: maybe(text),
  keyType: maybe(text),
  subject: maybe(long),
  subjectAlternativeName: maybe(long),
  expirationDate: maybe(Type.Number()),
  certValidationOptions: maybe(Type.Array(text, { maxItems: 64 })),
  issuerCert: maybe(text)
})

const keyReply = Type.Object({
  name: text,
  fullPath: text,
  partition: maybe(text),
  createTime: maybe(text),
  generation: maybe(Type.Number()),
  securityType: maybe(text)
})

const deviceReply = Type.Object({
  name: text,
  selfDevice: maybe(flag),
  failoverState: maybe(text),
  managementIp: maybe(text),
  version: maybe(text)
})

const deviceGroupReply = Type.Object({
  name: text,
  fullPath: maybe(text),
  type: maybe(text),
  autoSync: maybe(text),
  devicesReference: maybe(
    Type.Object({ items: maybe(Type.Array(Type.Object({ name: text }), { maxItems: 64 })) })
  )
})

/** statistics: nested without a fixed depth, read by {@link file://./sync.ts} */
export const statisticsReply = Type.Object({ entries: maybe(Type.Record(Type.String(), Type.Unknown())) })

export const userReply = Type.Object({
  name: text,
  partitionAccess: maybe(Type.Array(Type.Object({ name: text, role: text }), { maxItems: 256 }))
})

export const profilePage = pageOf(profileReply)
export const serverSslPage = pageOf(serverSslReply)
export const virtualPage = pageOf(virtualReply)
export const virtualAddressPage = pageOf(virtualAddressReply)
export const certificatePage = pageOf(certificateReply)
export const keyPage = pageOf(keyReply)
export const devicePage = pageOf(deviceReply)
export const deviceGroupPage = pageOf(deviceGroupReply)

/** answer of a command, e.g. of util/unix-rm; `commandResult` only when it said something */
export const commandReply = Type.Object({ commandResult: maybe(long) })

export const anyReply = Type.Unknown()

export type ProfileReply = Static<typeof profileReply>
export type VirtualReply = Static<typeof virtualReply>
export type CertificateReply = Static<typeof certificateReply>
export type KeyReply = Static<typeof keyReply>
export type DeviceReply = Static<typeof deviceReply>
export type DeviceGroupReply = Static<typeof deviceGroupReply>
