import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Suites that take half a minute and more, the longest first. Vitest knows no times on a new machine and begins with the
 * largest files: then a short file with a long test begins last, and the other workers wait for it.
 */
export const longest: readonly string[] = [
  'test/faults.test.ts',
  'test/lake-on-s3.test.ts',
  'test/spark-cluster.test.ts',
  'test/upkeep-faults.test.ts',
  'test/metadata-home.test.ts',
  'src/exports/run/run-export.test.ts',
  'src/exports/remote-export.test.ts',
  'test/spark-blocks.test.ts',
  'src/objects/s3/s3-store.test.ts',
  'test/iceberg-spark.test.ts',
  'test/cli.test.ts',
  'test/samples.test.ts',
  'test/audit-faults.test.ts',
  'test/spark-faults.test.ts',
  'test/spark-product.test.ts',
  'test/backup-on-s3.test.ts',
  'test/backup.test.ts',
  'test/demo.test.ts',
  'test/export-campaign.test.ts',
  'test/spark-dialect.test.ts',
  'test/lake-s3-faults.test.ts',
  'src/objects/gcs/gcs-store.test.ts',
  'test/product-on-s3.test.ts',
  'test/cli-destinations.test.ts',
  'src/objects/azure/azure-store.test.ts',
  'src/objects/sftp/sftp-store.test.ts',
  'src/exports/entities/entities.test.ts',
  'test/scratch-space.test.ts',
  'test/crossing.test.ts',
  'test/restore.test.ts',
  'src/lake/append.test.ts',
  'src/objects/large-object.test.ts',
  'test/faults-destinations.test.ts',
  'test/audit.test.ts',
  'src/exports/control/redeliver.test.ts',
  'src/jobs/create-jobs.test.ts',
  'src/ingest/replay.test.ts',
]

/** The longest suites first, then all others as Vitest would. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const rank = longest.indexOf(relative(this.ctx.config.root, moduleId))
      return rank < 0 ? longest.length : rank
    }
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other))
  }
}
