import type { SampleDataset } from '../sample.ts'
import { eventSchemas } from './event-schemas.ts'
import { recordSchemas } from './record-schemas.ts'
import { tables } from './tables.ts'
import type { Xdm } from '../xdm.ts'

type Listed = readonly [
  table: string,
  name: string,
  tier: 'Prime' | 'Ultimate' | undefined,
  description: string,
]

/** Time-series datasets. */
const events: readonly Listed[] = [
  [tables.bcc, 'AJO BCC Feedback Event Dataset', 'Prime', 'How copies to secondary recipients fared'],
  [tables.email, 'AJO Email Tracking Experience Event Dataset', 'Prime', 'What recipients did with e-mails'],
  [
    tables.inbound,
    'AJO Inbound Activity Event Dataset',
    'Prime',
    'What was shown on the web and in the app, and what came of it',
  ],
  [
    tables.feedback,
    'AJO Message Feedback Event Dataset',
    'Prime',
    'How each message fared, on all channels, with what mail providers reported',
  ],
  [
    tables.push,
    'AJO Push Tracking Experience Event Dataset',
    'Prime',
    'What recipients did with push messages',
  ],
  [
    tables.steps,
    'Journey Step Events',
    'Prime',
    'Every step that profiles took in journeys, and what journeys refused',
  ],
  [
    tables.decisions,
    'ODE DecisionEvents – {sandbox} decisioning',
    'Ultimate',
    'One event for each request to decide on offers',
  ],
  [
    tables.messageExport,
    'AJO Message Export Dataset',
    undefined,
    'Messages as they were rendered; kept for seven days',
  ],
  [
    tables.liveActivities,
    'AJO Live Activities Dataset',
    undefined,
    'Starts, updates and ends of live activities',
  ],
]

const records: readonly Listed[] = [
  [
    tables.classification,
    'AJO Classification Dataset',
    'Prime',
    'What messages and actions there are, for events that come by the SDK',
  ],
  [tables.consent, 'AJO Consent Service Dataset', 'Prime', 'Consents of profiles'],
  [
    tables.entity,
    'AJO Entity Dataset',
    'Prime',
    'What messages, campaigns and journey actions are; two rows a publication',
  ],
  [
    tables.interactive,
    'AJO Interactive Messaging Profile Dataset',
    'Prime',
    'Profiles made by campaigns that programs trigger',
  ],
  [
    tables.counters,
    'AJO Profile Counters Extension',
    'Prime',
    'Counters of profiles with the time they end, by the id of the counter',
  ],
  [tables.pushProfile, 'AJO Push Profile Dataset', 'Prime', 'Push tokens of profiles'],
  [tables.surfaces, 'AJO Surfaces Dataset', 'Prime', 'Empty, of the schema of inbound surfaces'],
  [
    tables.audienceOutput,
    'AOOutputForUPSDataset',
    'Prime',
    'Memberships of composed audiences, for the profile store',
  ],
  [
    tables.audienceProfile,
    'Audience Orchestration Profile Dataset',
    'Prime',
    'Composed audiences with attributes and enrichment',
  ],
  [
    tables.activities,
    'Decision Object Repository – Activities',
    'Ultimate',
    'Decisions: placement, collection of offers, ranking',
  ],
  [
    tables.fallbacks,
    'Decision Object Repository – Fallback Offers',
    'Ultimate',
    'What is shown to whoever may see no personalized offer',
  ],
  [
    tables.offers,
    'Decision Object Repository – Personalized Offers',
    'Ultimate',
    'Personalized offers with their priority',
  ],
  [tables.placements, 'Decision Object Repository – Placements', 'Ultimate', 'Where offers are shown'],
  [tables.journeys, 'Journeys', 'Prime', 'What journeys there are, by version'],
  [tables.sendTime, 'AJO STO Summary Dataset', undefined, 'The best hour to send, by profile and channel'],
  [tables.items, 'Experience Decisioning Items', undefined, 'Items that decisions choose from'],
]

/**
 * The datasets of the reference product that its documentation lists for export, each under its table name, and those
 * that later pages add. Where the public field groups repeat `_experience` inside an object, the documented queries do
 * not; here fields lie where queries look for them.
 * @see https://experienceleague.adobe.com/en/docs/journey-optimizer/using/data-management/datasets/export-datasets
 */
export function journeyDatasets(sandbox: string): readonly SampleDataset[] {
  const made =
    (schemas: Readonly<Record<string, (title: string) => Xdm>>, kind: SampleDataset['kind']) =>
    ([table, listed, tier, description]: Listed): SampleDataset => {
      const name = listed.replace('{sandbox}', sandbox)
      const schema = schemas[table]?.(name)
      if (!schema) throw new Error(`Broken invariant: ${table} has a schema`)
      return {
        name,
        table: tableIn(sandbox, table),
        description,
        kind,
        schema,
        ...(tier ? { tier } : {}),
        isSystem: true,
        isEmpty: table === tables.surfaces,
      }
    }
  return [...events.map(made(eventSchemas, 'events')), ...records.map(made(recordSchemas, 'records'))]
}

/** One table is named after its sandbox. */
export function tableIn(sandbox: string, table: string): string {
  return table.replace('{sandbox}', sandbox.replaceAll(/[^a-z0-9]+/g, '_'))
}
