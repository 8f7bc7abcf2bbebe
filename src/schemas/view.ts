/** How a resource is shown: what an Accept header asks for. */
export interface View {
  /** `id`: a summary; `raw`: as written; `full`: resolved to one tree of properties. */
  readonly form: 'id' | 'raw' | 'full'
  /** Standard names (`xdm:web`) or compatibility mode (`web`). */
  readonly notation: 'standard' | 'compatible'
  /** Titles and descriptions. */
  readonly withText: boolean
  readonly withDescriptors: boolean
  readonly withDeprecated: boolean
  /** Properties by their whole path. */
  readonly isFlat: boolean
}

export const rawView: View = {
  form: 'raw',
  notation: 'compatible',
  withText: true,
  withDescriptors: false,
  withDeprecated: false,
  isFlat: false,
}
