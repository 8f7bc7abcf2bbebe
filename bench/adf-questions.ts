interface Question {
  readonly name: string
  readonly dialect: string
  /** The same for DuckDB, as somebody who knows it well would write it. */
  readonly byHand: string
}

const over = 'OVER (PARTITION BY user_id ORDER BY timestamp, _id'
const back = 'ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)'
const all = 'ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)'
const ahead = 'ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)'

/** What a session is made of, from a condition on a row and the one before it. */
const sessionsByHand = (isNew: string, more = ''): string => `
  WITH paired AS (
    SELECT user_id, timestamp, _id, epoch_us(timestamp) AS micros, lag(epoch_us(timestamp)) ${over}) AS prev${more} FROM events
  ), flagged AS (
    SELECT user_id, timestamp, _id, coalesce((micros - prev) // 1000000, 0) AS diff, (prev IS NULL OR ${isNew}) AS is_new FROM paired
  ), numbered AS (
    SELECT *, sum(is_new::INTEGER) ${over} ${back} AS num FROM flagged
  ), placed AS (
    SELECT *, row_number() OVER (PARTITION BY user_id, num ORDER BY timestamp, _id) AS depth FROM numbered
  )
  SELECT max(diff)::BIGINT, sum(num)::BIGINT, sum(is_new::INTEGER)::BIGINT, sum(depth)::BIGINT FROM placed`

const sessions = (call: string): string => `
  SELECT max(s.timestamp_diff), sum(s.num), sum(cast(s.is_new AS int)), sum(s.depth)
  FROM (SELECT ${call} ${over} ${back} AS s FROM events)`

const touches = (call: string, frame: string): string => `
  SELECT count(t.value), max(t.value), max(t.timestamp) FROM (SELECT ${call} ${over} ${frame} AS t FROM events)`

const touchesByHand = (place: 'first' | 'last', window: string): string => `
  SELECT count(t.v), max(t.v), max(t.touched) FROM (
    SELECT ${place}_value(CASE WHEN channel IS NOT NULL THEN {v: channel, touched: timestamp} END IGNORE NULLS) ${window} AS t FROM events)`

/** Rows by how many purchases came before. Partitions by that number would take a sort of very many small ones. */
const parted = `
  SELECT user_id, timestamp, _id, channel,
    count(*) FILTER (WHERE event_type = 'purchase') ${over} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS part
  FROM events`

/** A touch that was the last one before, if it was in the same part. */
const lastOfPart = (from: string, isTouch: string): string => `
  SELECT count(t.v) FILTER (WHERE t.part = part), max(t.v) FILTER (WHERE t.part = part), max(t.touched) FILTER (WHERE t.part = part)
  FROM (
    SELECT part, last_value(CASE WHEN ${isTouch} THEN {v: channel, touched: timestamp, part: part} END IGNORE NULLS)
      ${over} ${back} AS t FROM (${from}))`

const segments = {
  first: lastOfPart(
    `SELECT *, lag(CASE WHEN channel IS NOT NULL THEN part END IGNORE NULLS) ${over}) AS touched_part FROM (${parted})`,
    'channel IS NOT NULL AND touched_part IS DISTINCT FROM part',
  ),
  last: lastOfPart(parted, 'channel IS NOT NULL'),
}

const week = `OVER (PARTITION BY user_id ORDER BY timestamp RANGE BETWEEN INTERVAL 7 DAY PRECEDING AND CURRENT ROW)`

const withinWeek = (which: 'FIRST' | 'LAST'): string => `
  SELECT count(t.value), max(t.value), max(t.timestamp) FROM (
    SELECT ATTRIBUTION_${which}_TOUCH_EXP_TIMEOUT(timestamp, 'c', channel, 604800)
      OVER (PARTITION BY user_id ORDER BY timestamp ${back} AS t FROM events)`

const between = (direction: 'previous' | 'next', frame: string): string => `
  SELECT sum(b), count(b) FROM (
    SELECT TIME_BETWEEN_${direction}_MATCH(timestamp, event_type = 'purchase', 'seconds') ${over} ${frame} AS b FROM events)`

const betweenByHand = (place: 'first' | 'last', frame: string): string => `
  SELECT sum(b)::BIGINT, count(b) FROM (
    SELECT (epoch_us(timestamp) - epoch_us(${place}_value(CASE WHEN event_type = 'purchase' THEN timestamp END IGNORE NULLS) ${over} ${frame})) // 1000000 AS b FROM events)`

export const adfQuestions: readonly Question[] = [
  {
    name: 'SESS_TIMEOUT',
    dialect: sessions('SESS_TIMEOUT(timestamp, 1800)'),
    byHand: sessionsByHand('micros - prev >= 1800000000'),
  },
  {
    name: 'SESS_START_IF',
    dialect: sessions("SESS_START_IF(timestamp, event_type = 'search')"),
    byHand: sessionsByHand('starts', ", event_type = 'search' AS starts"),
  },
  {
    name: 'SESS_END_IF',
    dialect: sessions("SESS_END_IF(timestamp, event_type = 'purchase')"),
    byHand: sessionsByHand('ended', `, lag(event_type = 'purchase') ${over}) AS ended`),
  },
  {
    name: 'ATTRIBUTION_FIRST_TOUCH',
    dialect: touches("ATTRIBUTION_FIRST_TOUCH(timestamp, 'c', channel)", all),
    byHand: touchesByHand('first', `${over} ${all}`),
  },
  {
    name: 'ATTRIBUTION_LAST_TOUCH',
    dialect: touches("ATTRIBUTION_LAST_TOUCH(timestamp, 'c', channel)", back),
    byHand: touchesByHand('last', `${over} ${back}`),
  },
  {
    name: 'ATTRIBUTION_FIRST_TOUCH_EXP_IF',
    dialect: touches(
      "ATTRIBUTION_FIRST_TOUCH_EXP_IF(timestamp, 'c', channel, event_type = 'purchase')",
      back,
    ),
    byHand: segments.first,
  },
  {
    name: 'ATTRIBUTION_LAST_TOUCH_EXP_IF',
    dialect: touches("ATTRIBUTION_LAST_TOUCH_EXP_IF(timestamp, 'c', channel, event_type = 'purchase')", back),
    byHand: segments.last,
  },
  {
    name: 'ATTRIBUTION_FIRST_TOUCH_EXP_TIMEOUT',
    dialect: withinWeek('FIRST'),
    byHand: touchesByHand('first', week),
  },
  {
    name: 'ATTRIBUTION_LAST_TOUCH_EXP_TIMEOUT',
    dialect: withinWeek('LAST'),
    byHand: touchesByHand('last', week),
  },
  {
    name: 'PREVIOUS',
    dialect: `SELECT count(p.value), max(p.value) FROM (SELECT PREVIOUS(channel, 2, true) ${over} ${back} AS p FROM events)`,
    byHand: `SELECT count(p), max(p) FROM (SELECT lag(channel, 2 IGNORE NULLS) ${over}) AS p FROM events)`,
  },
  {
    name: 'NEXT',
    dialect: `SELECT count(p.value), max(p.value) FROM (SELECT NEXT(event_type, 1) ${over} ${ahead} AS p FROM events)`,
    byHand: `SELECT count(p), max(p) FROM (SELECT lead(event_type) ${over}) AS p FROM events)`,
  },
  {
    name: 'TIME_BETWEEN_PREVIOUS_MATCH',
    dialect: between('previous', back),
    byHand: betweenByHand('last', back),
  },
  {
    name: 'TIME_BETWEEN_NEXT_MATCH',
    dialect: between('next', ahead),
    byHand: betweenByHand('first', ahead),
  },
]
