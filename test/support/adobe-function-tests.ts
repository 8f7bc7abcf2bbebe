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
