import type { Draft } from './configuration.ts'
import { type JsonObject, textOf } from './json.ts'
import { newFullPath, partsOf } from './names.ts'
import { alreadyExists, missingProperty, notFound, Refusal } from './refusal.ts'
import { type Actor, checkPartition } from './resource.ts'

/** Where the object of a body is to be, checked: the partition is there and may be changed, the name is free. */
export function placed(
  draft: Draft,
  body: JsonObject,
  { type, taken, actor }: { readonly type: string; readonly taken: object; readonly actor: Actor }
): string {
  const name = textOf(body, 'name')
  if (name === undefined) throw missingProperty('name')
  const fullPath = newFullPath({
    name,
    partition: textOf(body, 'partition'),
    subPath: textOf(body, 'subPath')
  })
  const { partition, subPath } = partsOf(fullPath)
  if (!Object.hasOwn(draft.partitions, `/${partition}`)) {
    throw notFound('folder', `/${partition}`)
  }
  if (subPath !== null && !Object.hasOwn(draft.folders, `/${partition}/${subPath}`)) {
    throw notFound('folder', `/${partition}/${subPath}`)
  }
  checkPartition(fullPath, actor)
  if (Object.hasOwn(taken, fullPath)) throw alreadyExists(type, fullPath)
  return fullPath
}

/** A body may repeat the name of the object that it changes, never give another one. */
export function checkSameName(fullPath: string, body: JsonObject): void {
  const { name, partition } = partsOf(fullPath)
  const given = textOf(body, 'name')
  if (given !== undefined && given !== name && given !== fullPath) throw readOnly('name')
  const where = textOf(body, 'partition')
  if (where !== undefined && where !== partition) throw readOnly('partition')
}

function readOnly(property: string): Refusal {
  return new Refusal(400, `"${property}" may not be changed`, { apiError: 26_214_401 })
}

/** Properties that every object has, and that a client may send back as it read them. */
export const headProperties = [
  'kind',
  'name',
  'partition',
  'subPath',
  'fullPath',
  'generation',
  'selfLink'
] as const
