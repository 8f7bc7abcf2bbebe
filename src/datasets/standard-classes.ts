/** The classes a schema may extend by `$ref`, in compatibility mode. */
const classes: Readonly<Record<string, unknown>> = {
  'https://ns.adobe.com/xdm/context/experienceevent': {
    properties: {
      _id: { type: 'string', format: 'uri-reference' },
      timestamp: { type: 'string', format: 'date-time' },
      eventType: { type: 'string' },
      eventMergeId: { type: 'string' },
      producedBy: { type: 'string' },
      identityMap: identityMap(),
    },
    required: ['_id', 'timestamp'],
  },
  'https://ns.adobe.com/xdm/context/profile': {
    properties: { _id: { type: 'string' }, personID: { type: 'string' } },
  },
  'https://ns.adobe.com/xdm/context/identitymap': { properties: { identityMap: identityMap() } },
  'https://ns.adobe.com/xdm/data/record': {},
  'https://ns.adobe.com/xdm/data/time-series': {},
  'https://ns.adobe.com/xdm/data/adhoc': {},
}

export function standardClass(id: string): unknown {
  return Object.hasOwn(classes, id) ? classes[id] : undefined
}

function identityMap(): unknown {
  return {
    type: 'object',
    additionalProperties: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          authenticatedState: { type: 'string' },
          primary: { type: 'boolean' },
        },
      },
    },
  }
}
