import type { Client } from './client.ts'
import { CliError, exitCodes } from './exit-code.ts'

const registry = '/data/foundation/schemaregistry'
const classes: Readonly<Record<string, string>> = {
  event: 'https://ns.adobe.com/xdm/context/experienceevent',
  profile: 'https://ns.adobe.com/xdm/context/profile',
}

/** Whether it names a resource of the registry: `$id` or `meta:altId`. */
export function isResourceId(text: string): boolean {
  return /^https?:\/\//.test(text) || /^_[\w-]+\.[\w.-]+$/.test(text)
}

/** A schema document of a class and field groups, which may be called by their titles. */
export async function composeSchema(
  client: Client,
  { class: className, groups }: { readonly class: string; readonly groups: readonly string[] },
): Promise<Record<string, unknown>> {
  const classId = classes[className] ?? className
  if (!isResourceId(classId)) {
    throw new CliError(
      exitCodes.usage,
      `${JSON.stringify(className)} is no class.`,
      'Write event, profile or an id.',
    )
  }
  const references = [classId]
  for (const group of groups) references.push(isResourceId(group) ? group : await groupByTitle(client, group))
  return { type: 'object', allOf: references.map((id) => ({ $ref: id })) }
}

async function groupByTitle(client: Client, title: string): Promise<string> {
  const query = new URLSearchParams({ property: `title==${title}` })
  const found: string[] = []
  for (const container of ['tenant', 'global']) {
    const { results } = await client.get<{ results: readonly { $id: string }[] }>(
      `${registry}/${container}/fieldgroups?${query.toString()}`,
    )
    found.push(...results.map((entry) => entry.$id))
  }
  const [id] = found
  if (id === undefined) {
    throw new CliError(exitCodes.unknown, `There is no field group ${JSON.stringify(title)}.`)
  }
  if (found.length > 1) {
    throw new CliError(
      exitCodes.usage,
      `${found.length} field groups are called ${JSON.stringify(title)}.`,
      `Name one by its id: ${found.join(', ')}`,
    )
  }
  return id
}
