import type { Person } from './person.ts'

/** Identities by namespace, as events and records carry them. */
export function identitiesOf({ ecid, address }: Pick<Person, 'ecid' | 'address'>): object {
  return { ECID: [{ id: ecid, primary: false }], Email: [{ id: address, primary: true }] }
}
