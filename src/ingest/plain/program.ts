/**
 * To make a program of a pattern takes some milliseconds for each thousand characters, in which nothing else is done. One of
 * more than 20 KiB V8 does not optimise: to look for it takes ten times as long, and longer than our readers do.
 */
const patternLengthMax = 20_000

/** Finds a pattern at a place of a text. Undefined: it is too long for that, or too deep; then nothing is plain. */
export function programOf(pattern: string): RegExp | undefined {
  if (pattern.length > patternLengthMax) return undefined
  try {
    const program = new RegExp(pattern, 'y')
    // Only now is it made, and found out that it cannot be.
    program.test('')
    return program
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}
