import { writeFile } from 'node:fs/promises'
import { readTextIfThere } from '#base/system-error.ts'

/** Of the settings file: where things were. What is restored lies where the new home says. */
const placeSettings = [
  'databaseUrl',
  'lake.folder',
  'lake.location',
  'lake.cacheFolder',
  'exports.landingLocation',
] as const

/** The settings of the backup, without where things were; with where the lake is, if it is elsewhere. */
export async function setPlaces(path: string, lakeLocation: string | undefined): Promise<void> {
  const text = await readTextIfThere(path)
  if (text === undefined && lakeLocation === undefined) return
  const settings = JSON.parse(text ?? '{}') as Record<string, unknown>
  for (const name of placeSettings) {
    const [first = '', second] = name.split('.')
    const branch = settings[first]
    if (second === undefined) delete settings[first]
    else if (typeof branch === 'object' && branch !== null) delete (branch as Record<string, unknown>)[second]
  }
  if (lakeLocation !== undefined)
    settings['lake'] = { ...(settings['lake'] as object | undefined), location: lakeLocation }
  await writeFile(path, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 })
}
