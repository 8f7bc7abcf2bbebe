import { dayMs, isoOf, minuteMs } from '../calendar.ts'
import type { SampleRow } from '../sample.ts'
import type { Course } from './course.ts'
import { tables } from './tables.ts'
import {
  activity,
  allMessages,
  experiment,
  fallback,
  journeys,
  type MessageDefinition,
  offers,
  placement,
} from './world.ts'

/** Records of what is set up: messages, journeys, offers. */
export function* worldRows(course: Course): Generator<SampleRow> {
  const from = isoOf(course.span.from)
  const to = isoOf(course.span.to)
  for (const message of allMessages) {
    yield* entityRows(message, course.span.from - dayMs)
    yield classificationRow(message)
  }
  for (const journey of journeys) {
    yield {
      table: tables.journeys,
      row: {
        _id: journey.versionId,
        journeyID: journey.id,
        journeyVersionID: journey.versionId,
        name: journey.name,
        description: journey.description,
        version: journey.version,
        state: journey.state,
        updatedAt: from,
      },
    }
  }
  const decisioning = (table: string, id: string, fields: object): SampleRow => ({
    table,
    row: { _id: id, _experience: { decisioning: fields } },
  })
  yield decisioning(tables.activities, activity.id, {
    name: activity.name,
    fallback: fallback.id,
    startTime: from,
    endTime: to,
    criteria: [{ placements: [placement.id], optionSelection: { filter: 'xcore:offer-filter:1' } }],
  })
  yield decisioning(tables.placements, placement.id, {
    name: placement.name,
    description: 'Above the greeting',
    channelID: 'https://ns.adobe.com/xdm/channels/email',
    componentType: 'https://ns.adobe.com/experience/offer-management/content-component-html',
  })
  yield decisioning(tables.fallbacks, fallback.id, { name: fallback.name, lifecycleStatus: 'approved' })
  for (const { id, name, priority } of offers) {
    yield decisioning(tables.offers, id, {
      name,
      lifecycleStatus: 'approved',
      tags: ['xcore:tag:spring'],
      ranking: { priority },
      calendarConstraints: { startDate: from, endDate: to },
    })
    yield { table: tables.items, row: { _id: id, itemID: id, name, collection: 'Spring', priority } }
  }
}

/** Two for each publication: one when it is published, one when it is processed. */
function* entityRows(message: MessageDefinition, publishedAt: number): Generator<SampleRow> {
  const { journeyAction, campaign } = message
  const entities = {
    ...(campaign
      ? {
          campaign: {
            campaignID: campaign.id,
            campaignVersionID: campaign.versionId,
            name: campaign.name,
            description: campaign.description,
            campaignActionID: campaign.actionId,
          },
        }
      : {}),
    ...(campaign?.treatment
      ? {
          experiment: {
            experimentId: experiment.id,
            experimentName: experiment.name,
            treatmentID: campaign.treatment.id,
            treatmentName: campaign.treatment.name,
          },
        }
      : {}),
    ...(journeyAction
      ? {
          journey: {
            journeyID: journeyAction.journey.id,
            journeyVersionID: journeyAction.journey.versionId,
            journeyName: journeyAction.journey.name,
            journeyNameAndVersion: `${journeyAction.journey.name} ${journeyAction.journey.version}`,
            journeyActionID: journeyAction.id,
            journeyActionName: journeyAction.name,
          },
        }
      : {}),
  }
  const channelDetails = {
    messageID: message.messageId,
    messagePublicationID: message.publicationId,
    variantID: campaign?.treatment?.id ?? `variant-${message.messageId}`,
    template: message.template,
    channel: { _id: `https://ns.adobe.com/xdm/channels/${message.channel}` },
    ...(message.channel === 'email' ? { email: { subject: message.title } } : {}),
    ...(message.channel === 'push' ? { push: { title: message.title } } : {}),
  }
  for (const [index, at] of [publishedAt, publishedAt + 30 * minuteMs].entries()) {
    yield {
      table: tables.entity,
      row: {
        // What propositions are correlated by is the publication; its second row has an id of its own.
        _id: index === 0 ? message.publicationId : `${message.publicationId}-processed`,
        _experience: {
          customerJourneyManagement: {
            entities: { ...entities, channelDetails: { ...channelDetails, messagePublishedAt: isoOf(at) } },
          },
        },
      },
    }
  }
}

function classificationRow({ messageId, channel, journeyAction, campaign }: MessageDefinition): SampleRow {
  const classification = {
    messageID: messageId,
    channel: { _id: `https://ns.adobe.com/xdm/channels/${channel}` },
    ...(journeyAction
      ? {
          journey: {
            journeyID: journeyAction.journey.id,
            journeyVersionID: journeyAction.journey.versionId,
            journeyName: journeyAction.journey.name,
            actionID: journeyAction.id,
            actionName: journeyAction.name,
          },
        }
      : {}),
    ...(campaign
      ? {
          campaign: {
            campaignID: campaign.id,
            campaignVersionID: campaign.versionId,
            campaignName: campaign.name,
          },
        }
      : {}),
  }
  return {
    table: tables.classification,
    row: { _id: `classification-${messageId}`, _experience: { journeyOrchestration: { classification } } },
  }
}
