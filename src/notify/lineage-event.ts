/** A run, as its lineage is told. Nothing is said of what is not known yet. */
export interface LineageFact {
  readonly type: 'START' | 'COMPLETE' | 'FAIL' | 'ABORT'
  readonly job: LineageJob
  /** The tick it was made for. */
  readonly nominalAt?: Date | undefined
  /** The run that caused it. */
  readonly parent?: { readonly runId: string; readonly jobName: string } | undefined
  readonly inputs?: readonly LineageDataset[]
  readonly outputs?: readonly (LineageDataset & { readonly statistics?: OutputStatistics | undefined })[]
  /** Of one that has failed. */
  readonly message?: string | undefined
}

interface LineageJob {
  /** The same for every run of it: `export.ID`, `query.ID`. */
  readonly name: string
  /** What people call it. */
  readonly title: string
}

export interface LineageDataset {
  /** Absent: of the lake, in the sandbox. */
  readonly namespace?: string
  readonly name: string
}

interface OutputStatistics {
  readonly rowCount: number
  readonly size?: number
  readonly fileCount?: number
}

const schemas = 'https://openlineage.io/spec'
const schemaUrl = `${schemas}/2-0-2/OpenLineage.json#/$defs/RunEvent`

/** The event as OpenLineage 2-0-2 has it. */
export function lineageEvent(
  fact: LineageFact,
  of: {
    readonly runId: string
    readonly at: Date
    /** Of jobs, and of the lake's datasets. */
    readonly namespace: string
    readonly producer: string
  },
): Record<string, unknown> {
  const { type, job, nominalAt, parent, inputs = [], outputs = [], message } = fact
  const { runId, at, namespace, producer } = of
  const facet = (version: string, name: string, fields: object) => ({
    _producer: producer,
    _schemaURL: `${schemas}/facets/${version}/${name}.json#/$defs/${name}`,
    ...fields,
  })
  const isOver = type !== 'START'
  return {
    eventType: type,
    eventTime: at.toISOString(),
    producer,
    schemaURL: schemaUrl,
    run: {
      runId,
      facets: {
        ...(nominalAt
          ? {
              nominalTime: facet('1-0-1', 'NominalTimeRunFacet', {
                nominalStartTime: nominalAt.toISOString(),
              }),
            }
          : {}),
        ...(parent
          ? {
              parent: facet('1-2-0', 'ParentRunFacet', {
                run: { runId: parent.runId },
                job: { namespace, name: parent.jobName },
              }),
            }
          : {}),
        ...(type === 'FAIL' && message !== undefined
          ? { errorMessage: facet('1-0-1', 'ErrorMessageRunFacet', { message, programmingLanguage: 'SQL' }) }
          : {}),
      },
    },
    job: {
      namespace,
      name: job.name,
      facets: { documentation: facet('1-1-0', 'DocumentationJobFacet', { description: job.title }) },
    },
    inputs: inputs.map((input) => ({ namespace, ...input })),
    outputs: outputs.map(({ statistics, ...output }) => ({
      namespace,
      ...output,
      ...(statistics && isOver
        ? {
            outputFacets: {
              outputStatistics: facet('1-0-2', 'OutputStatisticsOutputDatasetFacet', statistics),
            },
          }
        : {}),
    })),
  }
}
