/** Names of startup parameters that are no session properties. */
const connectionParameters = new Set(['user', 'database', 'replication', 'options'])

/** What a client sets with its startup message: properties by name, and `-c name=value` in `options`. */
export function startupProperties(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const properties = new Map<string, string>()
  for (const word of optionWords(parameters.get('options') ?? '')) {
    const [, name, value] = /^(?:-c|--)?([A-Za-z_][\w.-]*)=(.*)$/s.exec(word) ?? []
    if (name !== undefined && value !== undefined) properties.set(name.replaceAll('-', '_'), value)
  }
  for (const [name, value] of parameters) {
    if (!connectionParameters.has(name) && !name.startsWith('_pq_.')) properties.set(name, value)
  }
  return properties
}

/** Words are parted by spaces; a backslash keeps the next character. `-c` may stand alone before its value. */
function optionWords(text: string): string[] {
  const words = text.match(/(?:\\[\s\S]|[^\s\\])+/g) ?? []
  return words.filter((word) => word !== '-c').map((word) => word.replaceAll(/\\([\s\S])/g, '$1'))
}
