type FrameBound<Offset> =
  | { readonly kind: 'unboundedPreceding' | 'unboundedFollowing' | 'currentRow' }
  | { readonly kind: 'preceding' | 'following'; readonly offset: Offset }

/** A bound of a window's frame, as both engines read it and Spark's names of columns have it. */
export function frameBoundText<Offset>(
  bound: FrameBound<Offset>,
  textOf: (offset: Offset) => string,
): string {
  switch (bound.kind) {
    case 'unboundedPreceding':
      return 'UNBOUNDED PRECEDING'
    case 'unboundedFollowing':
      return 'UNBOUNDED FOLLOWING'
    case 'currentRow':
      return 'CURRENT ROW'
    default:
      return `${textOf(bound.offset)} ${bound.kind.toUpperCase()}`
  }
}
