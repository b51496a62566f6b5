import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Has the names in a folder written to the disk: a file that was renamed is there after a loss of power only then. */
export function syncFolder(folder: string): void {
  const file = openSync(folder, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
