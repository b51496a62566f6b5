import { framework, Refusal } from './refusal.ts'

/** /Common/sub/name taken apart. */
export interface NameParts {
  readonly name: string
  readonly partition: string
  /** between partition and name, without slashes at its ends */
  readonly subPath: string | null
}

/** Takes a full path apart. */
export function partsOf(fullPath: string): NameParts {
  const [, partition = '', ...rest] = fullPath.split('/')
  const name = rest.pop() ?? partition
  return { name, partition, subPath: rest.length > 0 ? rest.join('/') : null }
}

export const partitionOf = (fullPath: string) => partsOf(fullPath).partition

/** A name as written in a body: absolute, or below a partition. */
export function absolute(name: string, partition = 'Common'): string {
  return name.startsWith('/') ? name : `/${partition}/${name}`
}

/** What {@link newFullPath} reads. */
export interface NamedBody {
  readonly name: string
  readonly partition: string | undefined
  readonly subPath: string | undefined
}

/** Where a new object goes. */
export function newFullPath({ name, partition, subPath }: NamedBody): string {
  if (name.startsWith('/')) return name
  if (name === '' || name.includes('/') || /[\s"'{}\\]/.test(name)) {
    throw new Refusal(400, `01070734:3: Configuration error: name (${name}) contains invalid characters`, {
      apiError: 3
    })
  }
  return ['', partition ?? 'Common', ...(subPath === undefined ? [] : [subPath]), name].join('/')
}

/** A name as written in a path, percent-decoding done: ~Common~www, or www in Common. */
export function fromSegment(segment: string): string {
  return segment.startsWith('~') ? segment.replaceAll('~', '/') : `/Common/${segment}`
}

/** A full path as a segment of a link. */
export function toSegment(fullPath: string): string {
  return encodeURIComponent(fullPath.replaceAll('/', '~'))
}

/** The segments of a request's path, percent-decoding done; empty ones (a slash at the end) are left out. */
export function segmentsOf(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent)
  } catch {
    throw framework(400, `Malformed escape pair in URI: ${path}`)
  }
}
