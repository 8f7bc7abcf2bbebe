/**
 * For so long at least a run that has ended is remembered (the least that `jobs.retentionMs` may be): until then a tick
 * that comes again is known to have had its run.
 */
export const runsKeptMsMin = 7 * 86_400_000
