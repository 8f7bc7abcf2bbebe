import { isoOf } from '../calendar.ts'
import type { SampleRow } from '../sample.ts'
import type { Discard, ExportJob, Refusal, Step } from './facts.ts'
import { identitiesOf } from './identities.ts'
import { isTestProfile, type Person } from './person.ts'
import { tables } from './tables.ts'
import { type Action, audienceId, type Journey, loyaltyEndpoint, newsletter } from './world.ts'

/** A row of the journey step events. */
export function stepRow(fact: Step | Discard | Refusal | ExportJob): SampleRow {
  switch (fact.kind) {
    case 'step':
      return row(fact, fact.journey, { stepEvents: stepOf(fact) })
    case 'discard':
      return row(fact, fact.journey, {
        serviceType: 'dispatcher',
        serviceEvents: { dispatcher: discardOf(fact) },
      })
    case 'refusal':
      return row(fact, fact.journey, {
        serviceType: 'stateMachine',
        serviceEvents: {
          stateMachine: { eventID: `event-${fact.id}`, eventType: 'discard', eventCode: fact.code },
        },
      })
    case 'export-job':
      return row(fact, newsletter, {
        serviceType: 'segmentExportJob',
        serviceEvents: { segmentExportJob: jobOf(fact) },
      })
    default:
      return fact satisfies never
  }
}

function row(
  { id, at, person }: { readonly id: string; readonly at: number; readonly person?: Person },
  journey: Journey,
  fields: object,
): SampleRow {
  return {
    table: tables.steps,
    row: {
      _id: id,
      timestamp: isoOf(at),
      eventType: 'journey.stepEvent',
      ...(person ? { identityMap: identitiesOf(person) } : {}),
      _experience: {
        journeyOrchestration: {
          ...fields,
          ...(person ? { profile: { ID: person.id, namespace: 'Profile' } } : {}),
          journey: { ID: journey.id, versionID: journey.versionId, name: journey.name },
        },
      },
    },
  }
}

function stepOf(step: Step): object {
  const { journey, node, parent, problem, person } = step
  return {
    journeyID: journey.id,
    journeyVersionID: journey.versionId,
    journeyVersionName: journey.name,
    journeyVersion: journey.version,
    instanceID: step.instanceId,
    instanceType: step.batchInstanceId === undefined ? 'unitary' : 'batch',
    ...(step.batchInstanceId === undefined ? {} : { batchInstanceID: step.batchInstanceId }),
    profileID: person.id,
    externalKey: person.id,
    nodeID: node.id,
    nodeName: node.name,
    nodeType: node.type,
    stepID: step.id,
    stepName: node.name,
    stepType: node.type,
    stepStatus: step.status,
    eventID: step.eventId,
    entrance: step.isEntrance,
    reentrance: step.isReentrance,
    instanceEnded: step.hasEnded,
    journeyNodeProcessed: true,
    inTest: isTestProfile(person),
    processingTime: 12,
    ...(parent ? { parentStepID: parent.id, parentStepName: parent.node.name } : {}),
    ...(step.hasEnded && node.type !== 'end'
      ? { exitCriteriaID: 'exit-criteria-1', exitCriteriaName: 'Left before the end' }
      : {}),
    ...(node.action ? actionOf(node.action, step) : {}),
    ...(problem?.fetchError === undefined
      ? {}
      : { fetchError: problem.fetchError, fetchErrorCode: problem.fetchErrorCode }),
  }
}

function actionOf(action: Action, { at, problem }: Step): object {
  return {
    actionID: action.id,
    actionName: action.name,
    actionType: action.type,
    actionExecutionTime: 80,
    ...(action.type === 'customHttpAction'
      ? {
          actionOriginEndpoint: loyaltyEndpoint,
          actionOriginMethod: 'GET',
          actionExecutionOriginStartTime: isoOf(at),
          actionWaitTime: 15,
          ...(problem ? {} : { actionExecutionOriginCode: '200', actionExecutionOriginTime: 60 }),
        }
      : {}),
    ...(problem?.error === undefined ? {} : { actionExecutionError: problem.error }),
    ...(problem?.errorCode === undefined ? {} : { actionExecutionErrorCode: problem.errorCode }),
    ...(problem?.originError === undefined ? {} : { actionExecutionOriginError: problem.originError }),
    ...(problem?.originCode === undefined ? {} : { actionExecutionOriginCode: problem.originCode }),
  }
}

function discardOf({ id, type, reason, ruleset }: Discard): object {
  return {
    eventID: `event-${id}`,
    eventCode: 'discard',
    eventType: type,
    projectionID: 'projection-1',
    ...(reason === undefined ? {} : { eventCodeReason: reason }),
    ...(ruleset
      ? {
          rejectedRuleset: {
            ID: `ruleset-${ruleset.rules.length}`,
            name: ruleset.name,
            rejectedRules: ruleset.rules.map((name, index) => ({ ID: `rule-${index + 1}`, name })),
          },
        }
      : {}),
  }
}

function jobOf({ jobId, status, code, counts }: ExportJob): object {
  return {
    ID: jobId,
    status,
    eventType: 'segmenttrigger-orchestrator',
    exportSegmentID: audienceId,
    ...(code === undefined ? {} : { eventCode: code }),
    ...(counts
      ? {
          exportCountTotal: counts.total,
          exportCountRealized: counts.realized,
          exportCountFailed: counts.failed,
        }
      : {}),
  }
}
