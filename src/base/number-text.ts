const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

/** Whether a text is a number such as `1`, `-1.5`, `.5`, `5.` or `1e10`; each digit is looked at once, however many there are. */
export function isNumberText(text: string): boolean {
  return number.test(text)
}
