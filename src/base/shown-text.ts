/** A value as a message shows it. */
export function shownValue(text: string): string {
  return JSON.stringify(shortened(text, 80))
}

export function shortened(text: string, lengthMax: number): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text
}
