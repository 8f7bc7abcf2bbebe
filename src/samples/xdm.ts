/** Short forms for XDM schemas in code. */
export type Xdm = Readonly<Record<string, unknown>>

export const text: Xdm = { type: 'string' }
export const time: Xdm = { type: 'string', format: 'date-time' }
export const whole: Xdm = { type: 'integer' }
export const decimal: Xdm = { type: 'number' }
export const flag: Xdm = { type: 'boolean' }

export function object(properties: Readonly<Record<string, Xdm>>): Xdm {
  return { type: 'object', properties }
}

export function list(items: Xdm): Xdm {
  return { type: 'array', items }
}

/** Keys are data. */
export function map(values: Xdm): Xdm {
  return { type: 'object', additionalProperties: values }
}

/** Several text fields at once. */
export function texts<const Name extends string>(...names: readonly Name[]): Record<Name, Xdm> {
  return Object.fromEntries(names.map((name) => [name, text])) as Record<Name, Xdm>
}

export const identityMap: Xdm = map(list(object({ id: text, primary: flag })))

const eventClass = 'https://ns.adobe.com/xdm/context/experienceevent'
export const profileClass = 'https://ns.adobe.com/xdm/context/profile'

/** Fields of an experience event, with those that all have. */
export function eventSchema(title: string, properties: Readonly<Record<string, Xdm>>): Xdm {
  return schema(title, eventClass, {
    required: ['_id', 'timestamp'],
    properties: { _id: text, timestamp: time, eventType: text, identityMap, ...properties },
  })
}

/** Fields of a record of a class. */
export function recordSchema(title: string, classId: string, properties: Readonly<Record<string, Xdm>>): Xdm {
  return schema(title, classId, { properties })
}

function schema(title: string, classId: string, document: Xdm): Xdm {
  return { title, type: 'object', 'meta:class': classId, ...document }
}
