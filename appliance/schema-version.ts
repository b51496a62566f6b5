/** The version of the form of records. It stands alone, so that making a record loads no schemas. */
export const schemaVersion = 1
