import { AppError } from '#base/errors.ts'
import type { ClusterEngine, QueryEngine } from '#engine/engine.ts'
import type { EngineName } from '#sql/compile.ts'
import type { Scope } from '../scope.ts'
import type { QueryServiceOptions } from '../services.ts'

/** The property of a session that says where its queries run. */
export const engineProperty = 'engine'

/** Where the session wants its queries to run. @throws AppError 'engine.unavailable' when there is no such engine */
export function chosenEngine({ services, properties }: Pick<Scope, 'services' | 'properties'>): EngineName {
  const name: EngineName = properties.get(engineProperty) === 'spark' ? 'spark' : 'duckdb'
  engineOf(services, name)
  return name
}

/** @throws AppError 'engine.unavailable' */
export function engineOf(services: QueryServiceOptions, name: EngineName): QueryEngine {
  return name === 'duckdb' ? services.engine : clusterOf(services)
}

/** @throws AppError 'engine.unavailable' */
export function clusterOf({ spark }: QueryServiceOptions): ClusterEngine {
  if (spark) return spark
  throw new AppError('engine.unavailable', 'This server has no Spark.', {
    hint: 'Whoever runs it sets spark.address to a Spark Connect server; SET engine = duckdb works always.',
  })
}

/** Refuses an engine that is not there as soon as it is asked for. @throws AppError 'engine.unavailable' */
export function checkEngine(services: QueryServiceOptions, property: string, value: string): void {
  const isSpark = property.toLowerCase() === engineProperty && value.toLowerCase() === 'spark'
  if (isSpark) engineOf(services, 'spark')
}
