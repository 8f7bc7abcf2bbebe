import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { flushCompileCache } from 'node:module'
import type { AccessPolicy } from '#access/access.ts'
import { createAuditLog } from '#access/audit-log.ts'
import { scheduleAuditExpiry } from '#access/audit-upkeep.ts'
import { createAccess } from '#access/create-access.ts'
import { createAdministration } from '#access/create-administration.ts'
import { createSecretStore } from '#access/secret-store.ts'
import { createBackups } from '#backup/create-backups.ts'
import { systemClock } from '#base/clock.ts'
import { armFaults } from '#base/faults.ts'
import type { Logger } from '#base/log.ts'
import type { Config } from '#config/config.ts'
import { homePaths } from '#config/home.ts'
import { checkLandingLocation } from '#config/landing-location.ts'
import { nodeIdOf } from '#config/node-id.ts'
import { s3Credentials } from '#config/s3-credentials.ts'
import { isLoopback } from '#config/values.ts'
import { createDatasets } from '#datasets/create-datasets.ts'
import { createSharedTables } from '#datasets/create-shared-tables.ts'
import { createExpirations } from '#datasets/create-expirations.ts'
import { rowsPastOf } from '#datasets/row-retention.ts'
import { followSchema } from '#datasets/follow-schema.ts'
import { createFieldGroups } from '#datasets/field-groups.ts'
import { createTableKeys } from '#datasets/table-keys.ts'
import { createDuckdbEngine } from '#engine/duckdb-engine.ts'
import type { ClusterEngine, Engine } from '#engine/engine.ts'
import { createExports } from '#exports/create-exports.ts'
import { type LandingBucket, openLandingBucket } from '#exports/landing/landing-in-bucket.ts'
import { landingInHome } from '#exports/landing/landing-in-home.ts'
import { createLandingZones } from '#exports/landing-zones.ts'
import { loadSigningKey } from '#exports/manifests/signing-key.ts'
import { startTriggers } from '#exports/triggers.ts'
import type { UpkeepState } from '#http/dependencies.ts'
import { startHttpServer } from '#http/server.ts'
import { createIngest } from '#ingest/create-ingest.ts'
import { createStreaming } from '#ingest/create-streaming.ts'
import { createJobs } from '#jobs/create-jobs.ts'
import { createLake } from '#lake/create-lake.ts'
import { createMaintenance, type Maintenance } from '#lake/maintenance.ts'
import { openLakeFiles } from '#lake/open-lake-files.ts'
import { selectHomeState } from '#metadata/home-state.ts'
import { databaseClock } from '#metadata/database-clock.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { openHome } from '#metadata/open-home.ts'
import { openMetadataOfHome } from '#metadata/open.ts'
import { selectSandboxIds } from '#metadata/sandboxes.ts'
import { cancelBell } from '#metadata/bell.ts'
import { countRuns, selectDatasetFigures, selectExportTotals, selectTotals } from '#metadata/overview.ts'
import { createNotify } from '#notify/create-notify.ts'
import { createLineage } from '#notify/lineage.ts'
import { loopbackCertificate } from '#pgwire/certificate.ts'
import { startPostgresServer } from '#pgwire/server.ts'
import { createQueryService } from '#query/create-query-service.ts'
import { createScratchSpace } from '#query/scratch-space.ts'
import { createDescriptors } from '#schemas/create-descriptors.ts'
import { createSchemas } from '#schemas/create-schemas.ts'
import { createNamespaces } from '#schemas/namespaces.ts'
import { createShadow } from '#shadow/create-shadow.ts'
import { createSqlFrontEnd } from '#sql/front-end.ts'
import { fillTemplate } from '#sql/template.ts'
import { startUpkeep } from './upkeep.ts'

export interface ServeOptions {
  readonly config: Config
  readonly logger: Logger
  readonly version: string
  /** What narrows what roles give. */
  readonly policies?: readonly AccessPolicy[]
}

/** A whole Sluice in this process; disposing it is a clean stop, in the reverse order of the start. */
export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:8710` */
  readonly http: string
  /** `127.0.0.1:8732` */
  readonly postgres: string
}

/**
 * @throws AppError 'home.in_use', 'home.unusable', 'port.in_use', 'config.invalid', 'metadata.newer',
 *   'metadata.unavailable'
 */
export async function startServer({
  config,
  logger,
  version,
  policies = [],
}: ServeOptions): Promise<RunningServer> {
  checkLandingLocation(config)
  const startedAt = systemClock.now()
  const paths = homePaths(config.home)
  const incarnation = randomUUID()
  await using starting = new AsyncDisposableStack()

  starting.use(await openHome(config.home))
  const [metadata, engine] = await useBoth(
    starting,
    openMetadataOfHome({ home: config.home, databaseUrl: config.databaseUrl, logger }),
    createDuckdbEngine({ ...config.engine, scratchFolder: paths.scratch, logger }),
  )
  const clock = starting.use(await databaseClock({ metadata, logger }))
  const access = createAccess({ metadata, credentialsFile: paths.credentials, clock, logger, policies })
  await access.bootstrap()
  const auditLog = createAuditLog({
    metadata,
    access,
    headFile: paths.auditHead,
    marksFile: paths.auditMarks,
    retentionMs: config.audit.retentionMs,
    clock,
    logger,
  })
  starting.use(auditLog.start())
  const secrets = await createSecretStore({ metadata, keyFile: config.secrets.masterKeyFile, clock })
  const spark = await sparkOf(config, paths.sparkSession, logger)
  if (spark) starting.use(spark)
  arm(config.faultPoint, { metadata, engine, logger })
  const { home_id: homeId, epoch } = await selectHomeState(metadata.db)
  const files = starting.use(
    await openLakeFiles(config.lake, {
      server: config.s3,
      credentials: { s3: s3Credentials(config) },
      logger,
      owner: { homeId, epoch },
    }),
  )
  const landingBucket = await landingBucketOf(config, metadata)
  if (landingBucket) starting.use(landingBucket)
  const landing = landingBucket ?? landingInHome(config.home)
  const lake = createLake({ metadata, engine, files, clock, logger, incarnation })
  const schemas = createSchemas({ metadata, access, clock, columnsAdded: followSchema({ lake, clock }) })
  const datasets = createDatasets({ metadata, access, lake, schemas, clock })
  const nodeId = await nodeIdOf(config.home)
  const jobs = starting.use(createJobs({ metadata, clock, nodeId, incarnation, logger }))
  const ingest = createIngest({
    metadata,
    access,
    engine,
    datasets,
    lake,
    jobs,
    folder: paths.staging,
    clock,
    logger,
  })
  const expirations = createExpirations({ metadata, access, lake, jobs, clock })
  const streaming = starting.use(
    createStreaming({
      metadata,
      access,
      engine,
      jobs,
      folder: paths.streams,
      stagingFolder: paths.staging,
      rules: config.streaming,
      clock,
      logger,
    }),
  )
  const descriptors = createDescriptors({ metadata, access, clock })
  const { smtpUrl, from, privateAddresses } = config.notify
  const notify = createNotify({
    metadata,
    access,
    jobs,
    secrets,
    mail: smtpUrl && { url: smtpUrl.reveal(), from },
    allowsPrivate: privateAddresses === 'allowed',
    clock,
    logger,
  })
  const { url: lineageUrl, token: lineageToken, namespace } = config.lineage
  const lineage = createLineage({
    metadata,
    jobs,
    collector:
      lineageUrl === undefined ? undefined : { url: lineageUrl, token: lineageToken?.reveal(), namespace },
    producer: `urn:sluice:${version}`,
    clock,
  })
  const shadow = starting.use(createShadow({ folder: paths.shadow, programsFolder: paths.programs, logger }))
  const query = createQueryService({
    metadata,
    access,
    engine,
    spark,
    sql: createSqlFrontEnd(),
    lake,
    datasets,
    keys: createTableKeys({ metadata, descriptors }),
    fieldGroups: createFieldGroups({ schemas }),
    jobs,
    scratch: createScratchSpace({
      folder: paths.scratchSpace,
      metadata,
      clock,
      nodeId,
      bytesMax: config.limits.scratchBytesMax,
    }),
    notify,
    lineage,
    shadow,
    clock,
    logger,
    limits: config.limits,
    resultsFolder: paths.results,
    nodeId,
    incarnation,
  })
  // Before any node is started with a copy of the keys.
  await loadSigningKey(paths.keys)
  const exports = createExports({
    metadata,
    access,
    secrets,
    engine,
    lake,
    datasets,
    writers: query.writers,
    jobs,
    notify,
    lineage,
    allowsServerIdentity: config.exports.serverIdentity === 'allowed',
    spoolFolder: paths.spool,
    keysFolder: paths.keys,
    landing,
    clock,
    logger,
  })
  const maintenance = createMaintenance({
    lake,
    jobs,
    metadata,
    clock,
    logger,
    retentionMs: config.lake.retentionMs,
    targetFileBytes: config.lake.targetFileBytes,
    rowsPast: rowsPastOf({ metadata, access, lake }),
  })
  await maintenance.schedule()
  await scheduleAuditExpiry({ auditLog, jobs, metadata, logger })
  const backups = createBackups({
    metadata,
    access,
    jobs,
    home: config.home,
    lakeFiles: files,
    lakeFolder: config.lake.folder,
    clock,
    version,
  })
  await query.failLeftQueries()
  starting.use(await query.start())
  await jobs.start()
  await streaming.start()
  starting.use(startTriggers({ metadata, secrets, jobs, clock, logger, notify, home: config.home, landing }))
  starting.use(startUpkeep({ lake, ingest, query, exports, landingBucket, metadata, config, clock, logger }))

  const { host, port } = config.postgres
  const pgwire = starting.use(
    await startPostgresServer({
      query,
      access,
      host,
      port,
      tls: await postgresTls(config, paths.tls),
      cancelBell: cancelBell(metadata, 'session'),
      limits: config.limits,
      logger,
    }),
  )
  const addresses = { http: '', postgres: `${host}:${pgwire.port}` }
  const http = starting.use(
    await startHttpServer({
      access,
      schemas,
      descriptors,
      namespaces: createNamespaces({ metadata, access, clock }),
      administration: createAdministration({ metadata, access, clock }),
      auditLog,
      secrets,
      datasets,
      expirations,
      lakeServer: config.lake.location === undefined ? undefined : config.s3,
      sharedTables: createSharedTables({ metadata, access, lake, datasets, schemas, clock }),
      ingest,
      streaming,
      query,
      exports,
      landing: createLandingZones({
        metadata,
        access,
        secrets,
        place: landing,
        keyMs: config.exports.landingKeyMs,
        clock,
      }),
      maintenance,
      backups,
      notify,
      postgresAddress: () => addresses.postgres,
      statistics: (caller, ids) => selectDatasetFigures(metadata.db, caller.sandbox.id, ids),
      fillTemplate,
      health: {
        problems: () => problemsOf(metadata, engine),
        status: async () => ({
          startedAt,
          home: config.home,
          node: nodeId,
          ...addresses,
          engine: engine.status(),
          ...(await selectTotals(metadata.db)),
          runs: await countRuns(metadata.db),
          exports: await selectExportTotals(metadata.db),
          upkeep: await upkeepStates(maintenance),
          streaming: streaming.status(),
        }),
      },
      clock,
      logger,
      limits: config.limits,
      version,
      ...config.http,
      tls: httpTls(config),
    }),
  )
  addresses.http = http.url
  const started = starting.move()
  logger.log('info', 'server.ready', {
    ...addresses,
    home: config.home,
    spanMs: clock.now().getTime() - startedAt.getTime(),
  })
  flushCompileCache() // The next start is faster, also after a death.
  return {
    ...addresses,
    [Symbol.asyncDispose]: async () => {
      logger.log('info', 'server.stopping')
      await started.disposeAsync()
      logger.log('info', 'server.stopped')
    },
  }
}

/** Both start at the same time; when one fails, the other one is still stopped with `stack`. */
async function useBoth<First extends AsyncDisposable, Second extends AsyncDisposable>(
  stack: AsyncDisposableStack,
  starting: Promise<First>,
  startingToo: Promise<Second>,
): Promise<[First, Second]> {
  const [first, second] = await Promise.allSettled([starting, startingToo])
  if (first.status === 'fulfilled') stack.use(first.value)
  if (second.status === 'fulfilled') stack.use(second.value)
  if (first.status === 'rejected') throw first.reason
  if (second.status === 'rejected') throw second.reason
  return [first.value, second.value]
}

async function sparkOf(
  { spark }: Config,
  stateFile: string,
  logger: Logger,
): Promise<ClusterEngine | undefined> {
  const { address, token, tls, statementsMax, folder } = spark
  if (!address) return undefined
  const { createSparkEngine } = await import('#engine/spark-engine.ts') // Not at start: most servers have no Spark.
  const isEncrypted = tls === 'on' || (tls === 'auto' && !isLoopback(address.host))
  return createSparkEngine({
    address: { ...address, token: token?.reveal(), isEncrypted },
    statementsMax,
    stateFile,
    folder,
    logger,
  })
}

/** Where landing zones are beside a lake on S3. */
async function landingBucketOf(config: Config, metadata: Metadata): Promise<LandingBucket | undefined> {
  const { landingLocation } = config.exports
  if (landingLocation === undefined) return undefined
  return await openLandingBucket(landingLocation, {
    home: config.home,
    server: config.s3,
    credentials: { s3: s3Credentials(config) },
    sandboxIds: () => selectSandboxIds(metadata.db),
  })
}

/** For tests of faults: at the point named the victim dies, once. */
function arm(
  setting: string | undefined,
  { metadata, engine, logger }: { metadata: Metadata; engine: Engine; logger: Logger },
): void {
  if (setting === undefined) return
  const [name, victim] = setting.split('@')
  armFaults(async (point) => {
    if (point !== name) return
    armFaults(undefined)
    logger.log('warn', 'fault.struck', { point, victim })
    if (victim === 'child') await engine.killChildren()
    else {
      const pid = victim === 'postgres' ? metadata.postgresPid : process.pid
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
    }
  })
}

async function problemsOf(metadata: Metadata, engine: Engine): Promise<string[]> {
  const problems: string[] = []
  try {
    await selectTotals(metadata.db)
  } catch {
    problems.push('The metadata database does not answer.') // The reason is in the log of whoever needed it.
  }
  if (engine.status().children.length === 0) problems.push('No engine process is running.')
  return problems
}

async function upkeepStates(maintenance: Maintenance): Promise<UpkeepState[]> {
  return (await maintenance.status()).map(({ task, totals, runs }) => {
    const running = runs.find((run) => run.state === 'running')
    const { tables = 0, tablesDone = 0 } = (running ?? runs[0])?.progress ?? {}
    return { task, isRunning: running !== undefined, ...totals, tables, tablesDone }
  })
}

async function postgresTls(config: Config, folder: string) {
  const { postgresCertificate, postgresKey } = config.tls
  if (postgresCertificate === undefined || postgresKey === undefined) return await loopbackCertificate(folder)
  return { cert: await readFile(postgresCertificate, 'utf8'), key: await readFile(postgresKey, 'utf8') }
}

function httpTls({ tls: { httpCertificate, httpKey } }: Config) {
  if (httpCertificate === undefined || httpKey === undefined) return undefined
  return { certificateFile: httpCertificate, keyFile: httpKey }
}
