// The composition root: what the command line does is made here, and loaded only when it is needed.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createLogger } from '#base/stderr-logger.ts'
import { type CliHost, runCli } from '#cli/cli.ts'
import { homePaths } from '#config/home.ts'

const nodeMajorMin = 24
if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
  process.stderr.write(
    `Sluice needs Node ${nodeMajorMin}, this is ${process.version}. Start it with: npx sluice\n`,
  )
  process.exit(69)
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** Ctrl-C comes from the terminal and again from npm and our launcher: what follows so soon is the same signal. */
const sameSignalMs = 300
/** The first signal asks for a clean end, the second ends at once. */
const interruption = new AbortController()
let interruptedAt = 0
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
for (const [name, exitCode] of Object.entries(signals)) {
  process.on(name, () => {
    if (!interruption.signal.aborted) {
      interruptedAt = performance.now()
      interruption.abort(name)
    } else if (performance.now() - interruptedAt > sameSignalMs) process.exit(exitCode)
  })
}
// Whoever reads our output may stop reading: `sluice sql … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const host: CliHost = {
  version,
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
  root: fileURLToPath(new URL('..', import.meta.url)),
  serve: async (config, { isQuiet }) => {
    const { startServer } = await import('./serve.ts')
    const { level, format } = config.log
    const logger = createLogger({ level: isQuiet ? 'error' : level, format })
    return await startServer({ config, logger, version })
  },
  verify: async (location, options) => {
    const { verifyDelivered } = await import('./delivered.ts')
    return await verifyDelivered(location, options)
  },
  findRestorable: async (location, options) => {
    const { findDelivered } = await import('./delivered.ts')
    return await findDelivered(location, options)
  },
  deliveredValues: async (path, column) => {
    const { readParquetColumn } = await import('#formats/read-column.ts')
    return await readParquetColumn(path, column)
  },
  restore: async (from, config, options) => {
    const [{ restoreBackup }, { s3Credentials }, { systemClock }, { silentLogger }] = await Promise.all([
      import('#backup/restore.ts'),
      import('#config/s3-credentials.ts'),
      import('#base/clock.ts'),
      import('#base/log.ts'),
    ])
    const { home, databaseUrl, lake, s3 } = config
    const remoteLake = lake.location !== undefined && {
      location: lake.location,
      server: s3,
      credentials: { s3: s3Credentials(config) },
    }
    return await restoreBackup({
      from,
      home,
      databaseUrl,
      lakeFolder: lake.folder,
      ...(remoteLake ? { remoteLake } : {}),
      clock: systemClock,
      logger: silentLogger,
      ...options,
    })
  },
  rotateCredentials: async (config) => {
    const [{ openMetadata }, { createAccess }, { systemClock }, { silentLogger }] = await Promise.all([
      import('#metadata/open.ts'),
      import('#access/create-access.ts'),
      import('#base/clock.ts'),
      import('#base/log.ts'),
    ])
    const { home, databaseUrl } = config
    await using metadata = await openMetadata({ home, databaseUrl, logger: silentLogger })
    await createAccess({
      metadata,
      credentialsFile: homePaths(home).credentials,
      clock: systemClock,
      logger: silentLogger,
    }).rotateCredentials()
  },
}

// What was opened is closed by now; nothing may hold the process that we forgot.
process.exit(await runCli(process.argv.slice(2), host))
