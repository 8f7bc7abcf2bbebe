import { journeySample } from './journey/journey.ts'
import { retailSample } from './retail/retail.ts'
import type { Sample } from './sample.ts'

export const samples: readonly Sample[] = [journeySample, retailSample]
