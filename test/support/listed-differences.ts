/** Where the engines may differ, and why. */
export const listedDifferences: readonly { readonly pattern: RegExp; readonly reason: string }[] = []

export function isListed(difference: string): boolean {
  return listedDifferences.some(({ pattern }) => pattern.test(difference))
}
