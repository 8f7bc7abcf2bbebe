/** `24,219` */
export function number(value: number | bigint): string {
  return String(value).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** `1 row`, `2 rows` */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${number(value)} ${value === 1 ? noun : plural}`
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let size = value
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}

export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  return minutes < 60
    ? `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `2026-11-23 14:05 UTC` */
export function instant(at: Date | number | string): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** Characters that a terminal would obey, or that turn the direction of the line. */
const signs = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu

/** Data as one harmless line. */
export function harmless(text: string): string {
  return text.replaceAll(signs, (character) => {
    if (character === '\n') return '⏎'
    return character === '\t' ? ' ' : '\uFFFD'
  })
}
