import { type Folder, nextGeneration, type Partition, tableNames } from './configuration.ts'
import { numberOf, referenceOf, textOf } from './json.ts'
import { partitionOf, partsOf } from './names.ts'
import { accessDenied, alreadyExists, mcpd, missingProperty } from './refusal.ts'
import { type Actor, head, link, type Resource } from './resource.ts'

/** auth partition: its full path is shown without a slash */
export const partitions: Resource = {
  path: 'auth/partition',
  kind: 'tm:auth:partition:partitionstate',
  type: 'folder',
  list: (configuration) => Object.keys(configuration.partitions),
  has: (configuration, fullPath) => Object.hasOwn(configuration.partitions, bare(fullPath)),
  render({ configuration, version }, fullPath) {
    const partition = configuration.partitions[bare(fullPath)] as Partition
    const name = partition.fullPath.slice(1)
    const { description } = partition
    return {
      kind: partitions.kind,
      name,
      fullPath: name,
      generation: partition.generation,
      selfLink: link(`auth/partition/${encodeURIComponent(name)}`, version),
      defaultRouteDomain: partition.defaultRouteDomain,
      ...(description === null ? {} : { description })
    }
  },
  create(draft, body, actor) {
    const name = textOf(body, 'name')
    if (name === undefined) throw missingProperty('name')
    checkAll(actor)
    const fullPath = `/${name}`
    if (Object.hasOwn(draft.partitions, fullPath)) throw alreadyExists('folder', fullPath)
    draft.partitions[fullPath] = {
      fullPath,
      generation: nextGeneration(draft),
      defaultRouteDomain: numberOf(body, 'defaultRouteDomain') ?? 0,
      description: referenceOf(body, 'description') ?? null
    }
    return fullPath
  },
  modify(draft, { fullPath, body }, actor) {
    checkAll(actor)
    const old = draft.partitions[bare(fullPath)] as Partition
    draft.partitions[old.fullPath] = {
      ...old,
      generation: nextGeneration(draft),
      defaultRouteDomain: numberOf(body, 'defaultRouteDomain') ?? old.defaultRouteDomain,
      description: referenceOf(body, 'description') ?? old.description
    }
  },
  remove(draft, fullPath, actor) {
    checkAll(actor)
    const name = bare(fullPath)
    const isUsed = tableNames
      .filter((table) => table !== 'partitions')
      .some((table) => Object.keys(draft[table]).some((path) => path.startsWith(`${name}/`)))
    if (name === '/Common' || isUsed) {
      throw mcpd(
        400,
        '01070829',
        `All objects must be removed from a partition (${name.slice(1)}) before it may be removed`
      )
    }
    delete draft.partitions[name]
  }
}

/** A path segment without a partition is read as a name in Common; a partition is in none. */
const bare = (fullPath: string) => fullPath.replace(/^\/Common\/(?=.)/, '/')

function checkAll(actor: Actor): void {
  if (!actor.mayChange('Common')) throw accessDenied(actor.user, 'Common')
}

/** sys folder: the partitions and what is below them */
export const folders: Resource = {
  path: 'sys/folder',
  kind: 'tm:sys:folder:folderstate',
  type: 'folder',
  list: (configuration) => [
    '/',
    ...Object.keys(configuration.partitions),
    ...Object.keys(configuration.folders)
  ],
  has: (configuration, fullPath) => folders.list(configuration).includes(fullPath),
  render({ configuration, version }, fullPath) {
    const found: Folder = configuration.folders[fullPath] ?? { fullPath, generation: 1, appService: null }
    const { name } = partsOf(fullPath)
    return {
      ...head(folders, found, version),
      name: fullPath === '/' ? '/' : name,
      partition: configuration.partitions[fullPath] ? undefinedPartition : partitionOf(fullPath),
      appService: found.appService ?? 'none',
      deviceGroup: 'none',
      hidden: 'false',
      inheritedDevicegroup: 'true',
      inheritedTrafficGroup: 'true',
      noRefCheck: 'false',
      trafficGroup: '/Common/traffic-group-1'
    }
  },
  create(draft, body, actor) {
    const name = textOf(body, 'name') ?? ''
    const fullPath = name.startsWith('/') ? name : `/${textOf(body, 'partition') ?? 'Common'}/${name}`
    if (!actor.mayChange(partitionOf(fullPath))) throw accessDenied(actor.user, partitionOf(fullPath))
    if (folders.has(draft, fullPath)) throw alreadyExists('folder', fullPath)
    draft.folders[fullPath] = {
      fullPath,
      generation: nextGeneration(draft),
      appService: referenceOf(body, 'appService') ?? null
    }
    return fullPath
  }
}

/** partitions themselves are in the root */
const undefinedPartition = '/'
