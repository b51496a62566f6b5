import { parse } from 'csv-parse/sync'
import { Fault } from '../../core/fault.ts'
import type { Labels } from '../functions.ts'
import { reason } from './options.ts'

/** What a row of the file says about the endpoints at a place. */
export interface LabelRow extends Labels {
  readonly place: string
}

/**
 * Rows of a CSV file with the columns place, owner, tags (parted by blanks or semicolons); an empty cell changes
 * nothing. `name` is for messages. Throws `handover-malformed`.
 */
export function readLabels(text: string, name: string): LabelRow[] {
  const rows = parseRows(text, name)
  if (!rows.every((row) => 'place' in row)) {
    throw new Fault(
      'handover-malformed',
      `${name} has no column "place". Begin with a head line: place,owner,tags.`,
      { file: name }
    )
  }
  return rows
    .filter((row) => row['place'] !== '')
    .map((row) => {
      const tags = (row['tags'] ?? '').split(/[\s;]+/).filter((tag) => tag !== '')
      const owner = row['owner'] ?? ''
      return {
        place: row['place'] ?? '',
        ...(tags.length > 0 ? { add: tags } : {}),
        ...(owner === '' ? {} : { owner })
      }
    })
}

function parseRows(text: string, name: string): Record<string, string>[] {
  try {
    return parse<Record<string, string>>(text, {
      columns: (head: string[]) => head.map((cell) => cell.trim().toLowerCase()),
      bom: true,
      trim: true,
      skip_empty_lines: true
    })
  } catch (error) {
    throw new Fault(
      'handover-malformed',
      `${name} is not CSV: ${reason(error)}. Begin with a head line: place,owner,tags.`,
      { file: name },
      error
    )
  }
}
