/** Where the engines may differ, and why. */
export const listedDifferences: readonly { readonly pattern: RegExp; readonly reason: string }[] = [
  {
    pattern: / \/ .*: "(-?[\d.]{15})\d*" on DuckDB, "\1\d*" on Spark/,
    reason:
      'DuckDB divides decimals of many digits as doubles where the exact dividend would not fit its 38 digits: the last ones differ.',
  },
]

export function isListed(difference: string): boolean {
  return listedDifferences.some(({ pattern }) => pattern.test(difference))
}
