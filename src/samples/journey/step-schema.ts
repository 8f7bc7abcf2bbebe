import { flag, list, object, texts, time, whole, type Xdm } from '../xdm.ts'

const action = {
  ...texts(
    'actionID',
    'actionName',
    'actionType',
    'actionExecutionError',
    'actionExecutionErrorCode',
    'actionExecutionOriginError',
    'actionExecutionOriginCode',
    'actionOriginEndpoint',
    'actionOriginMethod',
  ),
  actionExecutionTime: whole,
  actionExecutionOriginStartTime: time,
  actionExecutionOriginTime: whole,
  actionWaitTime: whole,
}

/** Below `_experience.journeyOrchestration`. */
export const stepEvents: Readonly<Record<string, Xdm>> = {
  stepEvents: object({
    ...texts(
      'journeyID',
      'journeyVersionID',
      'journeyVersionName',
      'journeyVersion',
      'instanceID',
      'instanceType',
      'profileID',
      'externalKey',
      'nodeID',
      'nodeName',
      'nodeType',
      'stepID',
      'stepName',
      'stepType',
      'stepStatus',
      'eventID',
      'parentStepID',
      'parentStepName',
      'batchInstanceID',
      'exitCriteriaID',
      'exitCriteriaName',
      'fetchError',
      'fetchErrorCode',
    ),
    ...action,
    entrance: flag,
    reentrance: flag,
    instanceEnded: flag,
    journeyNodeProcessed: flag,
    inTest: flag,
    processingTime: whole,
  }),
  profile: object(texts('ID', 'namespace')),
  journey: object(texts('ID', 'versionID', 'name')),
  ...texts('serviceType'),
  serviceEvents: object({
    dispatcher: object({
      ...texts('eventID', 'eventCode', 'eventType', 'eventCodeReason', 'projectionID'),
      rejectedRuleset: object({
        ...texts('ID', 'name'),
        rejectedRules: list(object(texts('ID', 'name'))),
      }),
    }),
    stateMachine: object(texts('eventID', 'eventType', 'eventCode')),
    segmentExportJob: object({
      ...texts('ID', 'status', 'eventType', 'eventCode', 'exportSegmentID'),
      exportCountTotal: whole,
      exportCountRealized: whole,
      exportCountFailed: whole,
    }),
  }),
}
