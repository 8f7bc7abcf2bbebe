/** Engine text of instants as wall-clock times in UTC and back, whatever the session's zone. */

export const toWallClock = (instant: string): string => `timezone('UTC', ${instant})`

export const toInstant = (wallClock: string): string => `timezone('UTC', ${wallClock})`
