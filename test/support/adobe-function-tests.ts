import { describe, expect, it } from 'vitest'
import type { CompiledSql, GivenTable } from './compiled-sql.ts'

/** The front end with an engine behind it and some tables in it. */
export type OpenSql = (
  tables: Readonly<Record<string, GivenTable>>,
) => Promise<Pick<CompiledSql, 'run'> & Disposable>

const type = 'struct<who:string,at:timestamp,channel:string,ends:boolean,n:int>'
const event = (
  at: string | null,
  channel: string | null = null,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> => ({
  who: 'a',
  at: at === null ? null : `2024-01-01 ${at}`,
  channel,
  ...more,
})

const over = 'OVER (PARTITION BY who ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)'
const all = over.replace('CURRENT ROW', 'UNBOUNDED FOLLOWING')

/** Adobe-defined functions where the documentation says nothing or much: the same on every engine. */
export function adobeFunctionTests(open: OpenSql): void {
  async function withEvents(
    rows: GivenTable['rows'],
    work: (sql: Pick<CompiledSql, 'run'>) => Promise<void>,
  ): Promise<void> {
    using sql = await open({ events: { type, rows } })
    await work(sql)
  }

  describe('sessions', () => {
    it('begin at a gap of exactly the timeout, and not a microsecond before', async () => {
      await withEvents(
        [event('10:00:00'), event('10:29:59.999999'), event('10:59:59.999999'), event('11:29:59.999998')],
        async (sql) => {
          const answer = await sql.run(`SELECT SESS_TIMEOUT(at, 60 * 30) ${over} FROM events ORDER BY at`)
          expect(answer.rows.flat()).toEqual([
            '(0,1,true,1)',
            '(1799,1,false,2)',
            '(1800,2,true,1)',
            '(1799,2,false,2)',
          ])
        },
      )
    })

    it('begin once where the timeout is not known', async () => {
      await withEvents([event('10:00:00'), event('11:00:00')], async (sql) => {
        const answer = await sql.run(`SELECT SESS_TIMEOUT(at, NULL) ${over} FROM events ORDER BY at`)
        expect(answer.rows.flat()).toEqual(['(0,1,true,1)', '(3600,1,false,2)'])
      })
    })

    it('may say how rows are sorted', async () => {
      await withEvents([event('10:00:00'), event('10:10:00'), event('11:00:00')], async (sql) => {
        const answer = await sql.run(
          `SELECT n, date_format(at, 'HH:mm') FROM events ORDER BY SESS_TIMEOUT(at, 1800) ${over}.depth DESC, at`,
        )
        expect(answer.rows.map(([, time]) => time)).toEqual(['10:10', '10:00', '11:00'])
      })
    })

    it('end behind the event that ends them', async () => {
      const rows = [false, true, true, null, false].map((ends, index) =>
        event(`10:0${index}:00`, null, { ends }),
      )
      await withEvents(rows, async (sql) => {
        const answer = await sql.run(`SELECT SESS_END_IF(at, ends) ${over} AS s FROM events ORDER BY at`)
        expect(answer.rows.flat()).toEqual([
          '(0,1,true,1)',
          '(60,1,false,2)',
          '(60,2,true,1)',
          '(60,3,true,1)',
          '(60,3,false,2)',
        ])
      })
    })

    it('count each of many events at one time once', async () => {
      const rows = Array.from({ length: 3000 }, (_, n) =>
        event(`1${Math.floor(n / 1000)}:00:00`, null, { who: n % 2 === 0 ? 'a' : 'b' }),
      )
      await withEvents(rows, async (sql) => {
        const answer = await sql.run(
          `SELECT who, s.num, min(s.depth), max(s.depth), count(DISTINCT s.depth), sum(cast(s.is_new AS int))
           FROM (SELECT who, SESS_TIMEOUT(at, 1800) ${over} AS s FROM events) GROUP BY who, s.num ORDER BY who, s.num`,
        )
        expect(answer.rows).toEqual(
          ['a', 'b'].flatMap((who) => [1, 2, 3].map((num) => [who, num, 1, 500, 500, 1])),
        )
      })
    })

    it('leave out events without a time', async () => {
      await withEvents([event(null), event('10:00:00'), event('10:01:00')], async (sql) => {
        const answer = await sql.run(`SELECT SESS_TIMEOUT(at, 1800) ${over} FROM events ORDER BY at`)
        expect(answer.rows.flat()).toEqual([null, '(0,1,true,1)', '(60,1,false,2)'])
      })
    })

    it('go on over an event without a time, wherever it stands', async () => {
      const given = [
        event('10:00:00', null, { n: 1, ends: true }),
        event(null, null, { n: 2 }),
        event('10:01:00', null, { n: 3 }),
        event('10:02:00', null, { n: 4 }),
      ]
      await withEvents(given, async (sql) => {
        const answer = await sql.run(
          `SELECT SESS_TIMEOUT(at, 1800) OVER (PARTITION BY who ORDER BY n) AS timeout,
             SESS_END_IF(at, ends) OVER (PARTITION BY who ORDER BY n) AS ended
           FROM events ORDER BY n`,
        )
        expect(answer.rows).toEqual([
          ['(0,1,true,1)', '(0,1,true,1)'],
          [null, null],
          ['(60,1,false,2)', '(60,2,true,1)'],
          ['(60,1,false,3)', '(60,2,false,2)'],
        ])
      })
    })

    it('can be what a further window partitions by, in the same select', async () => {
      await withEvents(
        [event('10:00:00', 'x'), event('10:01:00', 'y'), event('12:00:00', 'z')],
        async (sql) => {
          const answer = await sql.run(
            `SELECT channel, SESS_TIMEOUT(at, 1800) ${over} AS session,
             NEXT(channel) OVER (PARTITION BY who, session.num ORDER BY at) AS next_channel
           FROM events ORDER BY at`,
          )
          expect(answer.rows).toEqual([
            ['x', '(0,1,true,1)', '(y)'],
            ['y', '(60,1,false,2)', null],
            ['z', '(7140,2,true,1)', null],
          ])
        },
      )
    })

    it('may stand inside other expressions, and be filtered by', async () => {
      await withEvents([event('10:00:00'), event('10:01:00'), event('12:00:00')], async (sql) => {
        const answer = await sql.run(
          `SELECT CASE WHEN n IS NULL THEN cast(SESS_TIMEOUT(at, 1800) ${over} AS string) END AS text,
             struct(who, SESS_TIMEOUT(at, 1800) ${over}.num AS num) AS both
           FROM events QUALIFY SESS_TIMEOUT(at, 1800) ${over}.is_new ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          ['{0, 1, true, 1}', '(a,1)'],
          ['{7140, 2, true, 1}', '(a,2)'],
        ])
      })
    })

    it('need a window', async () => {
      await withEvents([], async (sql) => {
        await expect(sql.run('SELECT SESS_TIMEOUT(at, 5) FROM events')).rejects.toMatchObject({
          code: 'query.syntax',
          message: 'sess_timeout needs an OVER clause.',
        })
      })
    })
  })

  describe('attribution', () => {
    const rows = [event('10:00:00'), event('10:10:00', 'mail'), event('11:00:00'), event('11:05:00', 'ad')]

    it('takes the first and the last touch of the frame, and NULL where there is none', async () => {
      await withEvents(rows, async (sql) => {
        const answer = await sql.run(
          `SELECT ATTRIBUTION_FIRST_TOUCH(at, 'c', channel) ${over} AS first,
             ATTRIBUTION_LAST_TOUCH(at, 'c', channel) ${over} AS last,
             ATTRIBUTION_FIRST_TOUCH(at, 'c', channel) ${all}.value AS whole
           FROM events ORDER BY at`,
        )
        const mail = '(c,mail,2024-01-01 10:10:00.0,1.0)'
        expect(answer.rows).toEqual([
          [null, null, 'mail'],
          [mail, mail, 'mail'],
          [mail, mail, 'mail'],
          [mail, '(c,ad,2024-01-01 11:05:00.0,1.0)', 'mail'],
        ])
      })
    })

    it('reads the fraction by the name it had once, too', async () => {
      await withEvents(rows, async (sql) => {
        const touch = `ATTRIBUTION_FIRST_TOUCH(at, 'c', channel) ${all}`
        const answer = await sql.run(`SELECT ${touch}.fraction, ${touch}.percentage FROM events LIMIT 1`)
        expect(answer.rows).toEqual([[1, 1]])
      })
    })

    it('forgets a touch after the timeout, which itself still counts', async () => {
      await withEvents(rows, async (sql) => {
        const answer = await sql.run(
          `SELECT ATTRIBUTION_LAST_TOUCH_EXP_TIMEOUT(at, 'c', channel, 3000) ${over}.value AS within,
             ATTRIBUTION_LAST_TOUCH_EXP_TIMEOUT(at, 'c', channel, 2999) ${over}.value AS beyond,
             ATTRIBUTION_FIRST_TOUCH_EXP_TIMEOUT(at, 'c', channel, 600)
               OVER (PARTITION BY who ORDER BY at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING).value AS ahead
           FROM events ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          [null, null, 'mail'],
          ['mail', 'mail', 'mail'],
          ['mail', null, 'ad'],
          ['ad', 'ad', 'ad'],
        ])
      })
    })

    it('looks at no row outside of a frame with a number of rows', async () => {
      const given = [
        event('10:00:00', 'mail'),
        event('10:10:00', 'ad'),
        event('10:20:00', 'shop'),
        event('11:00:00'),
        event('11:10:00', 'app'),
      ]
      const rows = (frame: string): string => `OVER (PARTITION BY who ORDER BY at ROWS BETWEEN ${frame})`
      await withEvents(given, async (sql) => {
        const answer = await sql.run(
          `SELECT ATTRIBUTION_FIRST_TOUCH_EXP_TIMEOUT(at, 'c', channel, 3000) ${rows('2 PRECEDING AND CURRENT ROW')}.value AS two,
             ATTRIBUTION_FIRST_TOUCH_EXP_TIMEOUT(at, 'c', channel, 3000) ${rows('3 PRECEDING AND UNBOUNDED FOLLOWING')}.value AS three,
             ATTRIBUTION_LAST_TOUCH_EXP_TIMEOUT(at, 'c', channel, 600) ${rows('UNBOUNDED PRECEDING AND 1 FOLLOWING')}.value AS next,
             ATTRIBUTION_LAST_TOUCH_EXP_TIMEOUT(at, 'c', channel, 600) ${rows('UNBOUNDED PRECEDING AND 1 PRECEDING')}.value AS past
           FROM events ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          ['mail', 'mail', 'ad', null],
          ['mail', 'mail', 'shop', 'mail'],
          ['mail', 'mail', 'shop', 'ad'],
          ['ad', 'ad', 'app', null],
          ['shop', 'shop', 'app', null],
        ])
      })
    })

    it('has none for an event without a time, whose touch and condition are no others', async () => {
      const given = [
        event('10:00:00', 'mail', { n: 1 }),
        event(null, 'ad', { n: 2, ends: true }),
        event('10:20:00', null, { n: 3 }),
      ]
      const byNumber = all.replace('ORDER BY at', 'ORDER BY n')
      await withEvents(given, async (sql) => {
        const answer = await sql.run(
          `SELECT ATTRIBUTION_FIRST_TOUCH(at, 'c', channel) ${byNumber}.value AS first,
             ATTRIBUTION_LAST_TOUCH(at, 'c', channel) ${byNumber}.value AS last,
             ATTRIBUTION_LAST_TOUCH_EXP_IF(at, 'c', channel, ends) ${byNumber}.value AS since
           FROM events ORDER BY n`,
        )
        expect(answer.rows).toEqual([
          ['mail', 'mail', 'mail'],
          [null, null, null],
          ['mail', 'mail', 'mail'],
        ])
      })
    })

    it('expires with a condition, after its row or before it', async () => {
      const given = [
        event('10:00:00', 'mail'),
        event('10:10:00', null, { ends: true }),
        event('10:20:00'),
        event('10:30:00', 'ad'),
      ]
      await withEvents(given, async (sql) => {
        const answer = await sql.run(
          `SELECT ATTRIBUTION_LAST_TOUCH_EXP_IF(at, 'c', channel, ends) ${over}.value AS after,
             ATTRIBUTION_LAST_TOUCH_EXP_IF(at, 'c', channel, ends, true) ${over}.value AS before,
             ATTRIBUTION_FIRST_TOUCH_EXP_IF(at, 'c', channel, ends, false) ${all}.value AS whole
           FROM events ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          ['mail', 'mail', 'mail'],
          ['mail', null, 'mail'],
          [null, null, 'ad'],
          ['ad', 'ad', 'ad'],
        ])
      })
    })
  })

  describe('paths and time between', () => {
    const rows = [event('10:00:00', 'x'), event('10:00:30'), event('10:02:00', 'y'), event('10:05:00', 'z')]

    it('steps over rows, or only over those with a value', async () => {
      await withEvents(rows, async (sql) => {
        const answer = await sql.run(
          `SELECT PREVIOUS(channel) ${over} AS p, PREVIOUS(channel, 1, true) ${over} AS known,
             NEXT(channel, 2) OVER (PARTITION BY who ORDER BY at) AS n2, NEXT(channel, 2, true) OVER (PARTITION BY who ORDER BY at).value AS k2
           FROM events ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          [null, null, '(y)', 'z'],
          ['(x)', '(x)', '(z)', 'z'],
          [null, '(x)', null, null],
          ['(y)', '(y)', null, null],
        ])
      })
    })

    it('finds nothing outside of the frame', async () => {
      const given = ['x', null, 'y', 'z'].map((channel, index) => event(`10:0${index}:00`, channel))
      const rows = (frame: string): string => `OVER (PARTITION BY who ORDER BY at ROWS BETWEEN ${frame})`
      await withEvents(given, async (sql) => {
        const answer = await sql.run(
          `SELECT PREVIOUS(channel, 1, true) ${rows('1 PRECEDING AND CURRENT ROW')}.value AS near,
             PREVIOUS(channel, 2) ${rows('1 PRECEDING AND CURRENT ROW')}.value AS far,
             PREVIOUS(channel) ${rows('3 PRECEDING AND 2 PRECEDING')}.value AS gone,
             NEXT(channel, 1, true) ${rows('CURRENT ROW AND 1 FOLLOWING')}.value AS next,
             NEXT(channel) ${over}.value AS none
           FROM events ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          [null, null, null, null, null],
          ['x', null, null, 'y', null],
          [null, null, 'x', 'z', null],
          ['y', null, null, null, null],
        ])
      })
    })

    it('counts whole units since the last match and until the next', async () => {
      await withEvents(rows, async (sql) => {
        const answer = await sql.run(
          `SELECT TIME_BETWEEN_PREVIOUS_MATCH(at, channel = 'x', 'minutes') ${over} AS since,
             TIME_BETWEEN_NEXT_MATCH(at, channel = 'y') OVER (PARTITION BY who ORDER BY at) AS until,
             TIME_BETWEEN_NEXT_MATCH(at, channel = 'y', 'Hour') OVER (PARTITION BY who ORDER BY at) AS hours
           FROM events ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          [0, -120, 0],
          [0, -90, 0],
          [2, 0, 0],
          [5, null, null],
        ])
      })
    })

    it('looks at its own side of the frame alone', async () => {
      const given = [false, true, false, true].map((ends, index) => event(`10:0${index}:00`, null, { ends }))
      await withEvents(given, async (sql) => {
        const behind = over.replace('UNBOUNDED PRECEDING AND CURRENT ROW', '1 FOLLOWING AND 2 FOLLOWING')
        const answer = await sql.run(
          `SELECT TIME_BETWEEN_PREVIOUS_MATCH(at, ends) ${all} AS since,
             TIME_BETWEEN_NEXT_MATCH(at, ends) ${all} AS until,
             TIME_BETWEEN_NEXT_MATCH(at, ends) ${over} AS here,
             TIME_BETWEEN_PREVIOUS_MATCH(at, ends) ${behind} AS none
           FROM events ORDER BY at`,
        )
        expect(answer.rows).toEqual([
          [null, -60, null, null],
          [0, 0, 0, null],
          [60, -60, null, null],
          [0, 0, 0, null],
        ])
      })
    })

    it('refuses units that are none', async () => {
      await withEvents([], async (sql) => {
        const asked = sql.run(
          `SELECT TIME_BETWEEN_NEXT_MATCH(at, true, 'weeks') OVER (ORDER BY at) FROM events`,
        )
        await expect(asked).rejects.toMatchObject({ code: 'query.value' })
      })
    })
  })
}
