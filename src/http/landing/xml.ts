/** An element: its name, and its text or what is in it. */
export type Element = readonly [name: string, content: string | number | boolean | readonly Element[]]

export function xmlDocument(root: Element, namespace?: string): string {
  const text = elementText(root)
  const declared =
    namespace === undefined ? text : text.replace(`<${root[0]}>`, `<${root[0]} xmlns="${namespace}">`)
  return `<?xml version="1.0" encoding="UTF-8"?>\n${declared}`
}

function elementText([name, content]: Element): string {
  const inner = Array.isArray(content) ? content.map(elementText).join('') : escaped(String(content))
  return `<${name}>${inner}</${name}>`
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** What XML cannot say at all is left out. */
function escaped(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- They are what is left out.
      .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '')
      .replaceAll(/[&<>"]/g, (character) => entities[character] ?? '')
      .replaceAll('\r', '&#13;')
  )
}
