/** Whether the database knows the moment, which is one of the years 1 to 9999. */
export function isStorable(moment: Date): boolean {
  const year = moment.getUTCFullYear()
  return year >= 1 && year <= 9999
}
