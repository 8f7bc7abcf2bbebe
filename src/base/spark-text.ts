/** A name in Spark SQL: in back-quotes, whatever it holds. */
export function quoteSparkIdentifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** A text in Spark SQL. Spark reads backslashes, and would put settings in the place of `${…}`. */
export function quoteSparkLiteral(text: string): string {
  return `'${text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('$', '\\u0024')
    .replaceAll('\0', '\\u0000')}'`
}
