import type Database from 'better-sqlite3'
import { addressBytes, fromBytes, type Address } from '../../core/address.ts'

/** An open database of better-sqlite3. */
export type Connection = Database.Database

/** Stands for "never ends" in columns of time: the last moment that a date can hold (ECMA-262 §21.4.1.1). */
export const endOfTime = 8_640_000_000_000_000

/** How an address is stored: IPv4 as an integer, IPv6 as 16 bytes. */
export type AddressColumn = number | Buffer

/** The value to bind for an address; as a bigint, because SQLite would keep a number as a float. */
export function bindAddress(address: Address): bigint | Buffer {
  return typeof address === 'number' ? BigInt(address) : Buffer.from(addressBytes(address))
}

/** The address in a column. */
export function readAddress(column: AddressColumn): Address {
  return typeof column === 'number' ? column : fromBytes(column)
}

/** Hexadecimal digits as the bytes that are stored. */
export function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}
