/** With each refusal of what only organisations that keep to the reference platform's limits are refused. */
export const strictHint =
  'Your organisation keeps to the limits of the reference platform; its setting isStrict lifts them.'
