import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dataFeedTests } from './support/data-feed-tests.ts'
import { startProduct, type Product } from './support/product.ts'

let home: string
let product: Product

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'blocks-'))
  product = await startProduct({ home })
  await product.run('CREATE TABLE notes AS SELECT cast(NULL AS string) AS text WHERE false')
})

afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

const noted = async (): Promise<unknown[]> =>
  (await product.rows('SELECT text FROM notes ORDER BY text')).flat()

describe('blocks', () => {
  it.each([
    // The documentation's own.
    [
      "$$BEGIN SET @V = SELECT 2; SELECT @V; IF @V = 1 THEN SELECT 100; ELSEIF @V = 2 THEN SELECT 200; ELSEIF @V = 3 THEN SELECT 300; ELSE SELECT 'DEFAULT'; END IF; END$$;",
      [[2], [200]],
    ],
    ['BEGIN SELECT 1; END', [[1]]],
    ['$$ BEGIN SELECT 1; $$ END;', [[1]]],
    ['$$ BEGIN SELECT 1 END; $$', [[1]]],
    // What is NULL is not so; a text or a boolean from a variable is compared as the dialect compares.
    ['$$ BEGIN IF NULL THEN SELECT 1; ELSE SELECT 2; END IF; END $$', [[2]]],
    ["$$ BEGIN SET @f = SELECT true; IF @f = 'true' THEN SELECT 1; END IF; END $$", [[1]]],
    ["$$ BEGIN IF table_exists('nowhere') THEN SELECT 1; END IF; SELECT 2; END $$", [[2]]],
    ["$$ BEGIN IF NOT table_exists('notes') THEN SELECT 1; ELSE SELECT 2; END IF; END $$", [[2]]],
    // Nesting, and CASE and the function inside.
    [
      "$$ BEGIN IF 1 < 2 THEN IF 2 < 1 THEN SELECT 1; ELSE SELECT if(true, CASE WHEN true THEN 'a' END, 'b'); END IF; END IF; END $$",
      [['a']],
    ],
    ['BEGIN SET @a = 1; BEGIN SET @a = 2; SET @b = 3; END; SELECT @a; END', [[2]]],
    // Variables stand in texts too, as whole words, and keep their case.
    ["$$ BEGIN SET @v = 1; SET @v2 = 2; SET @V = 3; SELECT 'a @v @v2 @V @w'; END $$", [['a 1 2 3 @w']]],
    ['$$ BEGIN SET @v = 5; SELECT concat("v= ", "@v"); END $$', [['v= 5']]],
    ["$$ BEGIN SET @n = 'o''clock'; SELECT @n, concat('at ', '@n'); END $$", [["o'clock", "at o'clock"]]],
    [
      "$$ BEGIN SET @t = SELECT timestamp '2026-01-02 03:04:05.678'; SELECT year(cast(@t AS TIMESTAMP)), '@t'; END $$",
      [[2026, '2026-01-02 03:04:05.678']],
    ],
    // No row gives NULL; a comment may begin with #.
    [
      '$$ BEGIN\n# nothing\nSET @x = SELECT text FROM notes WHERE false;\nSELECT @x IS NULL; END $$',
      [[true]],
    ],
    ["BEGIN\n# it's nothing\nSET @x = 5;\n  # END;\nSELECT @x; END", [[5]]],
    ['BEGIN; COMMIT; BEGIN\n# here\nSELECT 1; END', [[1]]],
    ['BEGIN SELECT 1 AS begin; SELECT 2; END', [[1], [2]]],
    // Transactions are taken, and undo nothing.
    ['$$ BEGIN BEGIN; SELECT 1; COMMIT; START TRANSACTION; SELECT 2; ROLLBACK; END $$', [[1], [2]]],
  ])('%s', async (sql, rows) => {
    expect(await product.rows(sql)).toEqual(rows)
  })

  it('end with the error of a statement, and keep what the ones before did', async () => {
    const block = `$$ BEGIN
      INSERT INTO notes SELECT 'before';
      SET @V = SELECT 5;
      IF @V = 1 THEN SELECT 100; ELSE SELECT raise_error('custom error for v= @V'); END IF;
      INSERT INTO notes SELECT 'after';
    END $$`
    await expect(product.rows(block)).rejects.toThrow('custom error for v= 5')
    expect(await noted()).toEqual(['before'])
  })

  it('go on with the handler, which sees the variables as they were', async () => {
    const rows = await product.rows(`$$ BEGIN
      SET @at = 'first';
      BEGIN
        SET @at = 'second';
        SELECT * FROM nowhere;
        EXCEPTION WHEN OTHER THEN SELECT 'inner @at';
      END;
      SELECT raise_error('again');
      SELECT 'not reached';
      EXCEPTION WHEN OTHERS THEN SELECT 'outer @at';
    END $$`)
    expect(rows).toEqual([['inner second'], ['outer second']])
  })

  it('keep no more in variables than a server has room for', async () => {
    const twice = "SET @a = SELECT repeat('x', 9000000); SET @a = SELECT repeat('y', 9000000);"
    expect(await product.rows(`$$ BEGIN ${twice} SELECT length(@a); END $$`)).toEqual([[9_000_000]])
    await expect(product.rows(`$$ BEGIN ${twice} BEGIN SET @b = SELECT @a; END; END $$`)).rejects.toThrow(
      '16777216 characters together',
    )
  })

  it('go on with the handler where rows fail late', async () => {
    const rows = await product.rows(`$$ BEGIN
      CREATE TEMP TABLE many AS SELECT id FROM range(400000);
      SELECT if(id = 399999, raise_error('late'), id) FROM many LIMIT 0;
      SELECT 'not reached';
      EXCEPTION WHEN OTHERS THEN SELECT 'handled';
    END $$`)
    expect(rows.at(-1)).toEqual(['handled'])
    expect(rows).not.toContainEqual(['not reached'])
    expect(rows.length).toBeLessThan(400_000)
  })

  it('name the place of an error inside', async () => {
    await expect(product.rows('$$ BEGIN\n  SELECT 1;\n  SELEC 2;\nEND $$')).rejects.toThrow(/"line":3/)
  })

  it('are the only place for IF', async () => {
    await expect(product.rows('IF 1 = 1 THEN SELECT 1; END IF')).rejects.toThrow(
      'Invalid command outside Anonymous Block',
    )
  })

  it.each([
    '$$ BEGIN IF true SELECT 1; END IF; END $$',
    '$$ BEGIN IF true THEN SELECT 1; END; END $$',
    '$$ BEGIN SELECT 1; END',
    '$$ BEGIN SELECT @nothing; END $$',
  ])('refuse %s', async (sql) => {
    await expect(product.rows(sql)).rejects.toThrow(/: 40[04] /)
  })
})

describe('the recipes of the data feed', () => dataFeedTests(() => product, 'duckdb'))
