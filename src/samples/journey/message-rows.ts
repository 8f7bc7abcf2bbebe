import { dayMs, isoOf } from '../calendar.ts'
import type { SampleRow } from '../sample.ts'
import type { Course } from './course.ts'
import type { Delivery, Feedback, Interaction } from './facts.ts'
import { identitiesOf } from './identities.ts'
import { isTestProfile } from './person.ts'
import { tables } from './tables.ts'
import { nodeOf, offers, placement } from './world.ts'

const channelIds = {
  email: 'https://ns.adobe.com/xdm/channels/email',
  sms: 'https://ns.adobe.com/xdm/channels/sms',
  push: 'https://ns.adobe.com/xdm/channels/push',
} as const

/** Exported messages are kept this long. */
const exportedMs = 7 * dayMs

/** The rows of one delivery: feedback, tracking, copies, the message as rendered. */
export function* messageRows(delivery: Delivery, { span }: Course): Generator<SampleRow> {
  const { id, person, message, copyAt } = delivery
  const common = commonOf(delivery)
  for (const [index, feedback] of delivery.feedback.entries()) {
    yield {
      table: tables.feedback,
      row: event(`${id}-feedback-${index}`, feedback.at, 'message.feedback', delivery, {
        ...common,
        ...channelContext(delivery),
        messageDeliveryfeedback: { ...feedbackOf(feedback), ...offersOf(delivery) },
      }),
    }
  }
  for (const [index, interaction] of delivery.interactions.entries()) {
    yield trackingRow(`${id}-tracking-${index}`, delivery, interaction)
  }
  if (copyAt !== undefined) {
    yield {
      table: tables.bcc,
      row: event(`${id}-copy`, copyAt, 'message.feedback', delivery, {
        ...common,
        emailChannelContext: {
          address: 'archive@lakeside.example',
          domain: 'lakeside.example',
          namespace: 'Email',
        },
        messageDeliveryfeedback: { feedbackStatus: 'sent' },
        secondaryRecipientDetail: { type: 'BCC', originalRecipientAddress: person.address },
      }),
    }
  }
  const sentAt = delivery.feedback.find(({ status }) => status === 'sent')?.at
  if (message.channel === 'email' && sentAt !== undefined && sentAt >= span.to - exportedMs) {
    yield {
      table: tables.messageExport,
      row: event(`${id}-export`, sentAt, 'message.export', delivery, {
        ...common,
        messageRenderedContent: {
          emailContent: { subject: message.title, text: `${message.title}, ${person.firstName}!` },
        },
        messageDeliveryMetadata: { emailMetadata: { recipient: { email: person.address } } },
      }),
    }
  }
}

function event(id: string, at: number, type: string, delivery: Delivery, management: object) {
  return {
    _id: id,
    timestamp: isoOf(at),
    eventType: type,
    identityMap: identitiesOf(delivery.person),
    _experience: {
      customerJourneyManagement: management,
      decisioning: {
        propositions: [
          {
            id: `proposition-${delivery.id}`,
            scopeDetails: { correlationID: delivery.message.publicationId, decisionProvider: 'AJO' },
          },
        ],
      },
    },
  }
}

function commonOf({ id, message, person, instanceId, batchInstanceId }: Delivery) {
  const { journeyAction, campaign } = message
  return {
    messageExecution: {
      messageExecutionID: message.executionId,
      messageID: message.messageId,
      messagePublicationID: message.publicationId,
      messageType: message.type,
      ...(campaign
        ? {
            campaignID: campaign.id,
            campaignVersionID: campaign.versionId,
            campaignActionID: campaign.actionId,
          }
        : {}),
      ...(journeyAction
        ? {
            journeyVersionID: journeyAction.journey.versionId,
            journeyVersionInstanceID: instanceId,
            journeyVersionNodeID: nodeOf(journeyAction.journey, journeyAction.id)?.id,
            journeyActionID: journeyAction.id,
          }
        : {}),
      ...(batchInstanceId === undefined ? {} : { batchInstanceID: batchInstanceId }),
    },
    messageProfile: {
      messageProfileID: id,
      channel: { _id: channelIds[message.channel] },
      ...(campaign?.treatment ? { variant: campaign.treatment.id } : {}),
      isSendTimeOptimized: campaign?.isSendTimeOptimized ?? false,
      isTestExecution: isTestProfile(person),
    },
  }
}

function channelContext({ message, person }: Delivery): object {
  switch (message.channel) {
    case 'email':
      return {
        emailChannelContext: {
          address: person.address,
          domain: person.domain,
          namespace: 'Email',
          outboundIP: '192.0.2.10',
        },
      }
    case 'push':
      return { pushChannelContext: { platform: person.platform } }
    case 'sms':
      return {
        smsChannelContext: { smsProvider: 'provider-1', channelType: 'sms', messageType: message.type },
      }
    default:
      return message.channel satisfies never
  }
}

function feedbackOf({ status, failure, exclusion, retries }: Feedback): object {
  return {
    feedbackStatus: status,
    ...(failure ? { messageFailure: failure } : {}),
    ...(exclusion ? { messageExclusion: exclusion } : {}),
    ...(retries === undefined ? {} : { retryCount: retries }),
  }
}

/** What the message shows of offers: a campaign's has one. */
function offersOf({ id, message }: Delivery): object {
  const [offer] = offers
  if (!message.campaign || message.channel !== 'email') return {}
  return {
    offers: {
      offerID: offer.id,
      placementID: placement.id,
      propositionID: `proposition-${id}`,
      offerCount: 1,
    },
  }
}

function trackingRow(id: string, delivery: Delivery, { type, at, button }: Interaction): SampleRow {
  const { person } = delivery
  const common = commonOf(delivery)
  if (button !== undefined) {
    const row = event(id, at, 'pushTracking.customAction', delivery, {
      ...common,
      pushChannelContext: { platform: person.platform },
      messageInteraction: { interactionType: 'click', label: button },
    })
    const pushNotificationTracking = {
      customAction: { actionID: button, value: 1 },
      pushProvider: person.platform,
      pushProviderMessageID: id,
      isLaunch: false,
    }
    return { table: tables.push, row: { ...row, pushNotificationTracking } }
  }
  return {
    table: tables.email,
    row: event(id, at, 'message.tracking', delivery, {
      ...common,
      ...channelContext(delivery),
      messageInteraction: {
        interactionType: type,
        ...offersOf(delivery),
        ...(type === 'click'
          ? {
              urlID: 'url-1',
              url: 'https://lakeside.example/new',
              label: 'See it',
              trackingType: 'TRACKED',
              tags: ['shop'],
            }
          : {}),
      },
    }),
  }
}
