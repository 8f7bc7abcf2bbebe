import { spanOf } from '../calendar.ts'
import { generationOf } from '../generation.ts'
import type { Generation, Sample, SampleRow, SampleScale } from '../sample.ts'
import { retailDatasets } from './catalogue.ts'
import type { Fact } from './facts.ts'
import { createLedger } from './ledger.ts'
import { botsOf, customerOf, lifeOf, type Scene } from './life.ts'
import { customerRows, rowsOf, worldRows } from './rows.ts'

/** A shop with stores: digital and other sources, lookups, companies, people with several identities, and dirt. */
export const retailSample: Sample = {
  name: 'retail',
  description: 'A shop: web, app, stores, calls, customers with several identities, companies',
  defaults: { profiles: 2_000, days: 45, seed: 1 },
  datasets: () => retailDatasets,
  parameters: () => ({}),
  generate(scale: SampleScale): Generation {
    const ledger = createLedger()
    return generationOf(everything(scale, ledger.take), {
      tables: retailDatasets.map(({ table }) => table),
      answers: ledger.answers,
    })
  },
}

function* everything(scale: SampleScale, take: (fact: Fact) => void): Generator<SampleRow> {
  const scene: Scene = { seed: scale.seed, span: spanOf(scale) }
  yield* worldRows()
  for (let index = 0; index < scale.profiles; index++) {
    const customer = customerOf(scene, index)
    const links = new Map<string, number>()
    for (const fact of lifeOf(scene, customer)) {
      take(fact)
      if (fact.kind === 'visit' && fact.signedIn !== undefined) {
        const { ecid } = fact.device
        links.set(ecid, Math.min(links.get(ecid) ?? fact.at, fact.at))
      }
      yield* rowsOf(fact)
    }
    const devices = [...links].map(([ecid, linkedAt]) => ({ ecid, linkedAt }))
    yield* customerRows(customer, devices)
  }
  for (const bot of botsOf(scene, scale.profiles)) {
    take(bot)
    yield* rowsOf(bot)
  }
}
