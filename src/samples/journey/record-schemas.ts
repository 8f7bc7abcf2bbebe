import {
  identityMap,
  list,
  map,
  object,
  profileClass,
  recordSchema,
  text,
  texts,
  time,
  whole,
  type Xdm,
} from '../xdm.ts'
import { counter } from './event-schemas.ts'
import { tables } from './tables.ts'

const record = 'https://ns.adobe.com/xdm/data/record'
const ofRecord = (properties: Readonly<Record<string, Xdm>>) => (title: string) =>
  recordSchema(title, record, { _id: text, ...properties })
const ofProfile = (properties: Readonly<Record<string, Xdm>>) => (title: string) =>
  recordSchema(title, profileClass, { _id: text, identityMap, ...properties })
const decisioning = (fields: Readonly<Record<string, Xdm>>) =>
  ofRecord({ _experience: object({ decisioning: object(fields) }) })
const choice = object(texts('val'))
const memberships = map(map(object({ status: text, lastQualificationTime: time })))

const entities = object({
  campaign: object(texts('campaignID', 'campaignVersionID', 'name', 'description', 'campaignActionID')),
  journey: object(
    texts(
      'journeyID',
      'journeyVersionID',
      'journeyName',
      'journeyNameAndVersion',
      'journeyActionID',
      'journeyActionName',
    ),
  ),
  channelDetails: object({
    ...texts('messageID', 'messagePublicationID', 'variantID', 'template'),
    channel: object({ _id: text }),
    email: object(texts('subject')),
    push: object(texts('title')),
    messagePublishedAt: time,
  }),
  experiment: object(texts('experimentId', 'experimentName', 'treatmentID', 'treatmentName')),
})

/** By table. */
export const recordSchemas: Readonly<Record<string, (title: string) => Xdm>> = {
  [tables.entity]: ofRecord({
    _experience: object({ customerJourneyManagement: object({ entities }) }),
  }),
  [tables.classification]: ofRecord({
    _experience: object({
      journeyOrchestration: object({
        classification: object({
          messageID: text,
          channel: object({ _id: text }),
          journey: object(texts('journeyID', 'journeyVersionID', 'journeyName', 'actionID', 'actionName')),
          campaign: object(texts('campaignID', 'campaignVersionID', 'campaignName')),
        }),
      }),
    }),
  }),
  [tables.consent]: ofProfile({
    consents: object({
      idSpecific: map(map(object({ marketing: object({ email: choice, sms: choice, push: choice }) }))),
      metadata: object({ time }),
    }),
  }),
  [tables.interactive]: ofProfile({
    person: object({ name: object(texts('firstName', 'lastName')) }),
    mobilePhone: object(texts('number')),
  }),
  [tables.counters]: ofProfile({ counters: counter }),
  [tables.pushProfile]: ofProfile({
    pushNotificationDetails: list(object({ ...texts('appID', 'platform', 'token', 'denylisted') })),
  }),
  [tables.surfaces]: ofRecord({ ...texts('surfaceID', 'name', 'uri', 'channelType') }),
  [tables.audienceOutput]: ofProfile({ segmentMembership: memberships }),
  [tables.audienceProfile]: ofProfile({
    segmentMembership: memberships,
    audienceEnrichment: map(map(text)),
  }),
  [tables.activities]: decisioning({
    ...texts('name', 'fallback'),
    startTime: time,
    endTime: time,
    criteria: list(object({ placements: list(text), optionSelection: object({ filter: text }) })),
  }),
  [tables.fallbacks]: decisioning({ ...texts('name', 'lifecycleStatus') }),
  [tables.offers]: decisioning({
    ...texts('name', 'lifecycleStatus'),
    tags: list(text),
    ranking: object({ priority: whole }),
    calendarConstraints: object({ startDate: time, endDate: time }),
  }),
  [tables.placements]: decisioning({ ...texts('name', 'description', 'channelID', 'componentType') }),
  [tables.journeys]: ofRecord({
    ...texts('journeyID', 'journeyVersionID', 'name', 'description', 'version', 'state'),
    updatedAt: time,
  }),
  [tables.sendTime]: ofProfile({ sendTime: map(object({ hour: whole, score: whole })) }),
  [tables.items]: ofRecord({ ...texts('itemID', 'name', 'collection'), priority: whole }),
}
