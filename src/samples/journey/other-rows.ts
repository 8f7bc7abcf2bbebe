import { hourMs, isoOf } from '../calendar.ts'
import type { SampleRow } from '../sample.ts'
import type { Course } from './course.ts'
import type { Decision, Sight } from './facts.ts'
import { identitiesOf } from './identities.ts'
import { tables } from './tables.ts'
import { activity, fallback, placement } from './world.ts'

export function decisionRow({ id, person, at, offers }: Decision): SampleRow {
  return {
    table: tables.decisions,
    row: {
      _id: id,
      timestamp: isoOf(at),
      eventType: 'decisioning.propositionDecide',
      identityMap: identitiesOf(person),
      _experience: {
        decisioning: {
          propositionID: `proposition-${id}`,
          propositionDetails: [
            {
              activity: { id: activity.id, name: activity.name },
              placement,
              ...(offers.length > 0
                ? {
                    selections: offers.map(({ id: offer, name, priority }) => ({
                      id: offer,
                      name,
                      score: priority,
                    })),
                  }
                : { fallback }),
            },
          ],
        },
      },
    },
  }
}

export function* sightRows({ id, person, at, type, surface }: Sight, { span }: Course): Generator<SampleRow> {
  const uri = surface === 'web' ? 'web://lakeside.example/#head' : 'mobileapp://example.lakeside/#card'
  const event = {
    timestamp: isoOf(at),
    identityMap: identitiesOf(person),
  }
  yield {
    table: tables.inbound,
    row: {
      _id: id,
      ...event,
      eventType: `decisioning.proposition${type === 'display' ? 'Display' : 'Interact'}`,
      _experience: { customerJourneyManagement: { surfaces: [uri] } },
      ...(surface === 'web'
        ? { web: { webPageDetails: { URL: 'https://lakeside.example/', name: 'home' } } }
        : {}),
    },
  }
  // A reaction in the app begins a live activity: the parcel's way.
  if (surface !== 'app' || type !== 'interact') return
  for (const [index, state] of ['start', 'update', 'end'].entries()) {
    if (at + index * hourMs >= span.to) return
    yield {
      table: tables.liveActivities,
      row: {
        _id: `${id}-activity-${index}`,
        ...event,
        timestamp: isoOf(at + index * hourMs),
        eventType: 'liveActivity',
        _experience: {
          customerJourneyManagement: {
            pushChannelContext: {
              platform: 'apns',
              liveActivity: { event: state, channelID: 'parcel', liveActivityID: `activity-${id}` },
            },
          },
        },
      },
    }
  }
}
