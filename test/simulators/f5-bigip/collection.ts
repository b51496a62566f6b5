import { type Account, maySee } from './accounts.ts'
import type { Json, JsonObject } from './json.ts'
import { Refusal } from './refusal.ts'
import { link, type Resource, type View } from './resource.ts'
import { toSegment } from './names.ts'

/** What to show of a collection, as the query says. */
export interface Listing {
  /** below /mgmt/tm */
  readonly path: string
  /** tm:ltm:virtual:virtualcollectionstate */
  readonly kind: string
  readonly items: readonly JsonObject[]
  readonly query: URLSearchParams
  readonly version: string
}

/** The name of the kind of a collection of these. */
export function collectionKind(kind: string): string {
  return kind.replace(/(state|stats)$/, 'collection$1')
}

/** A collection as the device answers it; an empty one has no items at all. */
export function shownCollection({ path, kind, items, query, version }: Listing): JsonObject {
  const found = filtered(items, query.get('$filter'))
  const { page, paging } = paged(found, { path, query, version })
  const selected = page.map((item) => selection(item, query))
  return {
    kind,
    selfLink: `https://localhost/mgmt/tm/${path}?${asked(query)}ver=${version}`,
    ...paging,
    ...(selected.length === 0 ? {} : { items: selected })
  }
}

/** The properties that `$select` asks for; all without it. */
export function selection(item: JsonObject, query: URLSearchParams): JsonObject {
  const wanted = query.get('$select')
  if (wanted === null || wanted === '') return item
  const names = wanted.split(',').map((name) => name.trim())
  return Object.fromEntries(names.flatMap((name) => (name in item ? [[name, item[name] as Json]] : [])))
}

/** An object with its subcollections: as links, or with what is in them (expandSubcollections=true). */
export function shownObject(
  resource: Resource,
  view: View,
  { fullPath, query }: { readonly fullPath: string; readonly query: URLSearchParams }
): JsonObject {
  const isExpanded = query.get('expandSubcollections') === 'true'
  const parts = (resource.subcollections ?? []).map(({ name, reference, list }) => {
    const items = isExpanded ? list(view, fullPath) : []
    const at = link(`${resource.path}/${toSegment(fullPath)}/${name}`, view.version)
    return [reference, { link: at, isSubcollection: true, ...(items.length > 0 ? { items } : {}) }] as const
  })
  return { ...resource.render(view, fullPath), ...Object.fromEntries(parts) }
}

/** Full paths of those objects that the account may see. */
export function visiblePaths(resource: Resource, view: View, account: Account): string[] {
  return resource.list(view.configuration).filter((fullPath) => {
    const [, partition = ''] = fullPath.split('/')
    return maySee(account, partition)
  })
}

function filtered(items: readonly JsonObject[], filter: string | null): readonly JsonObject[] {
  if (filter === null || filter === '') return items
  const wanted = /^\s*partition\s+eq\s+['"]?([^'"\s]+)['"]?\s*$/.exec(filter)?.[1]
  if (wanted === undefined) {
    throw new Refusal(400, `The filter "${filter}" is not supported: only partition eq NAME`, {
      apiError: 26_214_401
    })
  }
  return items.filter((item) => item['partition'] === wanted)
}

type Place = Pick<Listing, 'path' | 'query' | 'version'>

function paged(
  items: readonly JsonObject[],
  { path, query, version }: Place
): { page: readonly JsonObject[]; paging: JsonObject } {
  if (!query.has('$top') && !query.has('$skip')) return { page: items, paging: {} }
  const top = countOf(query, '$top') ?? items.length
  const skip = countOf(query, '$skip') ?? 0
  const page = items.slice(skip, skip + top)
  const rest = skip + top < items.length
  const others = [...query].filter(([name]) => !['$top', '$skip', 'ver'].includes(name))
  const next = new URLSearchParams([...others, ['$top', `${top}`], ['$skip', `${skip + top}`]])
  return {
    page,
    paging: {
      currentItemCount: page.length,
      itemsPerPage: top,
      pageIndex: top === 0 ? 1 : Math.floor(skip / top) + 1,
      startIndex: skip + 1,
      totalItems: items.length,
      totalPages: top === 0 ? 1 : Math.ceil(items.length / top),
      ...(rest ? { nextLink: `https://localhost/mgmt/tm/${path}?${unescaped(next)}&ver=${version}` } : {})
    }
  }
}

function countOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d+$/.test(text))
    throw new Refusal(400, `invalid value for ${name}: ${text}`, { apiError: 26_214_401 })
  return Number(text)
}

const unescaped = (query: URLSearchParams) => query.toString().replaceAll('%24', '$').replaceAll('%2C', ',')

function asked(query: URLSearchParams): string {
  const others = [...query].filter(([name]) => name !== 'ver')
  return others.length === 0 ? '' : `${unescaped(new URLSearchParams(others))}&`
}
