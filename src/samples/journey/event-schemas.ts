import { decimal, eventSchema, flag, list, map, object, text, texts, time, whole, type Xdm } from '../xdm.ts'
import { stepEvents } from './step-schema.ts'
import { tables } from './tables.ts'

const execution = object(
  texts(
    'messageExecutionID',
    'messageID',
    'messagePublicationID',
    'messageType',
    'campaignID',
    'campaignVersionID',
    'campaignActionID',
    'journeyVersionID',
    'journeyVersionInstanceID',
    'journeyVersionNodeID',
    'journeyActionID',
    'batchInstanceID',
  ),
)
const profile = object({
  messageProfileID: text,
  channel: object({ _id: text }),
  variant: text,
  isSendTimeOptimized: flag,
  isTestExecution: flag,
})
const offers = object({ ...texts('offerID', 'placementID', 'propositionID'), offerCount: whole })
const channels = {
  emailChannelContext: object(texts('address', 'domain', 'namespace', 'outboundIP')),
  pushChannelContext: object(texts('platform')),
  smsChannelContext: object(texts('smsProvider', 'channelType', 'messageType')),
}
const message = { messageExecution: execution, messageProfile: profile }
const feedback = object({
  feedbackStatus: text,
  messageFailure: object(texts('reason', 'code', 'type', 'category')),
  messageExclusion: object(texts('code', 'reason')),
  retryCount: whole,
  offers,
})
const interaction = object({
  ...texts('interactionType', 'urlID', 'url', 'label', 'trackingType'),
  tags: list(text),
  offers,
})
const propositions = list(
  object({
    ...texts('id', 'scope'),
    scopeDetails: object({ correlationID: text, decisionProvider: text }),
  }),
)

function messages(own: Readonly<Record<string, Xdm>>, beside: Readonly<Record<string, Xdm>> = {}) {
  return (title: string): Xdm =>
    eventSchema(title, {
      _experience: object({
        customerJourneyManagement: object({ ...message, ...own }),
        decisioning: object({ propositions }),
      }),
      ...beside,
    })
}

const decision = object({
  activity: object(texts('id', 'name')),
  placement: object(texts('id', 'name')),
  selections: list(object({ ...texts('id', 'name'), score: decimal })),
  fallback: object(texts('id', 'name')),
})

/** By table. */
export const eventSchemas: Readonly<Record<string, (title: string) => Xdm>> = {
  [tables.feedback]: messages({ ...channels, messageDeliveryfeedback: feedback }),
  [tables.bcc]: messages({
    ...channels,
    messageDeliveryfeedback: feedback,
    secondaryRecipientDetail: object(texts('type', 'originalRecipientAddress')),
  }),
  [tables.email]: messages({
    emailChannelContext: channels.emailChannelContext,
    messageInteraction: interaction,
  }),
  [tables.push]: messages(
    { pushChannelContext: channels.pushChannelContext, messageInteraction: interaction },
    {
      pushNotificationTracking: object({
        customAction: object({ actionID: text, value: decimal }),
        ...texts('pushProvider', 'pushProviderMessageID'),
        isLaunch: flag,
      }),
    },
  ),
  [tables.inbound]: messages(
    { surfaces: list(text) },
    { web: object({ webPageDetails: object(texts('URL', 'name')) }) },
  ),
  [tables.messageExport]: messages({
    messageRenderedContent: object({ emailContent: object(texts('subject', 'text')) }),
    messageDeliveryMetadata: object({ emailMetadata: object({ recipient: object(texts('email')) }) }),
  }),
  [tables.liveActivities]: messages({
    pushChannelContext: object({
      platform: text,
      liveActivity: object(texts('event', 'channelID', 'liveActivityID')),
    }),
  }),
  [tables.decisions]: (title) =>
    eventSchema(title, {
      _experience: object({
        decisioning: object({ propositionID: text, propositionDetails: list(decision) }),
      }),
    }),
  [tables.steps]: (title) =>
    eventSchema(title, { _experience: object({ journeyOrchestration: object(stepEvents) }) }),
}

/** What record schemas share with events. */
export const counter = map(object({ counter_value: whole, expirationDate: time, expiryDate: time }))
