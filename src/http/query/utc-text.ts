/** A time of ISO 8601 with its offset: one without is of UTC. */
export function utcText(text: string): string {
  return /T[\d:.]+$/i.test(text) ? `${text}Z` : text
}
