const endStates: readonly string[] = ['succeeded', 'failed', 'cancelled']

/** Whether nothing more comes of a run of the server, as its answers have it. */
export function hasEnded({ state }: { readonly state: string }): boolean {
  return endStates.includes(state)
}
