/**
 * What a client needs to know to read and write the files of a table, as properties of Iceberg's file access (`s3.…`).
 * Files below `file:` need nothing: the client's machine has the folder.
 */
export function storageConfig(_location: string | undefined): Readonly<Record<string, string>> {
  return {}
}
