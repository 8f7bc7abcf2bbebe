import { InvalidArgumentError, Option } from 'commander'

/** Actions that end well, but not with 0, say so by it. */
export type SetExitCode = (code: number) => void

/** On every command. */
export function homeOption(): Option {
  return new Option('--home <folder>', 'folder of everything Sluice keeps (SLUICE_HOME)')
}

/** On commands about what lies in a sandbox. */
export function sandboxOption(): Option {
  return new Option('--sandbox <name>', 'in which sandbox').default('prod')
}

export function formatOption(formats: readonly string[]): Option {
  return new Option('--format <format>', 'how results are written').choices(formats).default(formats[0])
}

/** For commander: a count. */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number.')
}

/** For commander: a count of what there is at least one of. */
export function positiveNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number from 1 on.')
}

/** For commander: a share in percent. */
export function percentage(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 100) return value
  throw new InvalidArgumentError('expected a number from 0 to 100.')
}

/** For commander: `KEY=VALUE`, many times. */
export function keyValues(text: string, all: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('expected KEY=VALUE.')
  return { ...all, [text.slice(0, at)]: text.slice(at + 1) }
}
