/** `/Common/folder/x y` as it stands in a URL */
export function inUrl(fullPath: string): string {
  return fullPath.toWellFormed().split('/').map(encodeURIComponent).join('~')
}

/** `/Common/x.crt`: partition and name */
export function partsOf(fullPath: string): { readonly partition: string; readonly name: string } {
  const [, partition = 'Common', ...rest] = fullPath.split('/')
  return { partition, name: rest.join('/') }
}
