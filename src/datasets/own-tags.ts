type Tags = Readonly<Record<string, readonly string[]>>

const prefix = 'sluice/'
/** Of ours, but said by people: labels that SQL gives to tables too. */
const labelsTag = `${prefix}labels`

/** Tags by which the product knows what it made; nobody sets or changes them from outside. */
function isOwn(tag: string): boolean {
  return tag.startsWith(prefix) && tag !== labelsTag
}

/** The tags somebody wants, without those that are ours, and with ours as they are. */
export function withOwnTags(wanted: Tags, own: Tags): Record<string, readonly string[]> {
  const kept = Object.entries(own).filter(([tag]) => isOwn(tag))
  return Object.fromEntries([...Object.entries(wanted).filter(([tag]) => !isOwn(tag)), ...kept])
}
