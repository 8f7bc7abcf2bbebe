/**
 * Named places where a test may kill a process: every state of load, flush, commit, pin, spool, stage, seal,
 * complete, manifest and sweep. A feature that stores or delivers data adds its names here.
 */
export const faultPoints = [
  'load.accepted',
  'load.staged',
  'lake.write.done',
  'lake.commit.before',
  'lake.commit.after',
  'query.step.before',
  'query.step.after',
  'export.pin.after',
  'export.spool.done',
  'export.stage.intent',
  'export.stage.middle',
  'export.stage.done',
  'export.seal.before',
  'export.seal.after',
  'export.complete.middle',
  'export.complete.done',
  'export.manifest.before',
  'export.manifest.after',
  'export.publish.after',
  'export.sweep.claimed',
  'export.sweep.middle',
] as const

/** Places that no customer's day passes: those of the upkeep of tables. */
export const upkeepFaultPoints = [
  'lake.rewrite.done',
  'lake.remove.before',
  'lake.remove.middle',
  'lake.orphans.middle',
] as const

/** Of rows that Spark computes and a statement stores. */
export const sparkFaultPoints = ['spark.write.before', 'spark.write.after'] as const

/** Those of tables that only the lake's own tests pass: few days have so many manifests, or a writer that died. */
const lakeFaultPoints = ['lake.merge.done', 'lake.sweep.middle', 'lake.stage.removed'] as const

/** Of letting go of the tables of deleted datasets. */
export const forgetFaultPoints = ['lake.forget.before', 'lake.forget.middle'] as const

/** Of ways into and out of a dataset that no customer's day passes; the tests of ingestion do. */
export const ingestFaultPoints = ['load.upload.stored', 'load.reverted'] as const

/** Of messages on their way into a batch: durable, in a file of a batch, in a batch that is to be loaded, in one of refused ones. */
export const streamFaultPoints = [
  'stream.accepted',
  'stream.staged',
  'stream.queued',
  'stream.refused',
] as const

/** Of the end of a dataset. */
export const expiryFaultPoints = ['dataset.expire.deleted', 'dataset.expire.removed'] as const

/** Of the record of what was done. */
export const auditFaultPoints = [
  'audit.recorded',
  'audit.seal.before',
  'audit.seal.after',
  'audit.head.middle',
] as const

/** Of copies to the scratch space. */
export const copyFaultPoints = ['query.copy.written', 'query.copy.named'] as const

/** Of letting go of what is older than its retention. */
export const auditExpiryFaultPoints = [
  'audit.expire.noted',
  'audit.expire.before',
  'audit.expire.after',
] as const

/** Those of backups. */
export const backupFaultPoints = [
  'backup.begun',
  'backup.dump.done',
  'backup.copy.middle',
  'backup.manifest.before',
  'backup.manifest.after',
] as const

/** Of bringing a dataset back from its deliveries: it is made, a batch is open, all is sent, the load is asked for. */
export const restoreFaultPoints = [
  'restore.made',
  'restore.opened',
  'restore.sent',
  'restore.completed',
] as const

export const allFaultPoints = [
  ...faultPoints,
  ...upkeepFaultPoints,
  ...lakeFaultPoints,
  ...sparkFaultPoints,
  ...forgetFaultPoints,
  ...ingestFaultPoints,
  ...streamFaultPoints,
  ...expiryFaultPoints,
  ...auditFaultPoints,
  ...auditExpiryFaultPoints,
  ...backupFaultPoints,
  ...copyFaultPoints,
  ...restoreFaultPoints,
] as const

export type FaultPoint = (typeof allFaultPoints)[number]

let strike: ((point: FaultPoint) => void | Promise<void>) | undefined

/** Called by the code at the place named; nothing happens unless a test armed it. */
export async function faultPoint(point: FaultPoint): Promise<void> {
  if (strike) await strike(point)
}

/** Arms (or with `undefined` disarms) what happens at fault points in this process. */
export function armFaults(action: typeof strike): void {
  strike = action
}
