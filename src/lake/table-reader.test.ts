import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesBelow, testLake } from '../../test/support/lake.ts'
import { longType, structType } from '../types/data-type.ts'
import { currentSnapshot } from './iceberg/table-metadata.ts'
import { localLakeFiles } from './local-lake-files.ts'
import { baseOf } from './table-base.ts'
import { tableReader } from './table-reader.ts'

test('a changed byte, wherever it is, is an error that names its file, and never other rows', async () => {
  await using place = await testLake()
  const table = await place.table(structType([{ name: 'n', type: longType }]))
  await place.append(table, 'SELECT i FROM range(10) t(i)')
  const { snapshotId } = await place.append(table, 'SELECT i FROM range(10, 15) t(i)')
  const row = await place.metadata.db.selectFrom('lake_tables').selectAll().executeTakeFirstOrThrow()
  /** Everything a plan reads before any rows, each time from the disk. */
  const readAll = async (): Promise<number> => {
    const context = { lakeFiles: localLakeFiles(place.folder), reader: tableReader() }
    const { files, metadata } = await baseOf(context, row)
    const manifests = await context.reader.manifests(files, currentSnapshot(metadata)!)
    let rowCount = 0
    for (const manifest of manifests) {
      for (const { file } of await context.reader.entries(files, manifest)) rowCount += file.rowCount
    }
    return rowCount
  }

  const names = (await filesBelow(place.folder)).filter((name) => {
    const inTable = name.slice(name.indexOf('/') + 1)
    return name.endsWith('.avro') || inTable === row.metadata_file
  })
  const used = names.filter((name) => !/snap-/.test(name) || name.includes(`snap-${snapshotId}-`))
  expect(used).toHaveLength(4) // The metadata, the newest list, two manifests.
  for (const name of used) {
    const path = join(place.folder, name)
    const bytes = await readFile(path)
    const tried = Array.from({ length: bytes.length }, (_, index) => index).filter(
      (index) => index % 11 === 0 || index < 16 || index >= bytes.length - 64,
    )
    for (const index of tried) {
      const broken = Buffer.from(bytes)
      broken[index]! ^= 1 << (index % 8)
      await writeFile(path, broken)
      const failure = await readAll().catch((error: unknown) => error)
      expect(failure, `${name} at ${index}`).toMatchObject({
        code: 'lake.corrupt',
        detail: { file: name.slice(name.indexOf('/') + 1) },
      })
    }
    await writeFile(path, bytes)
  }
  expect(await readAll()).toBe(15)
  // Tables of older versions say nothing of the file: it is read as it is.
  const { metadata } = await baseOf(
    { lakeFiles: localLakeFiles(place.folder), reader: tableReader() },
    { ...row, metadata_sha256: null },
  )
  expect(metadata.snapshots).toHaveLength(2)
})
