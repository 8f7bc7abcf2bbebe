import { expect, test } from 'vitest'
import { errorCodeOf } from '../../test/support/error-code.ts'
import { fillTemplate } from './template.ts'

const values = { a: 'A', $b: "it's", ab: 'both' }

test.each([
  ['SELECT $a, $b, $ab', "SELECT A, it's, both"],
  ['SELECT \'$a\' AS "$a", `$a`', 'SELECT \'A\' AS "A", `A`'],
  ['$a.$a.$a$a', 'A.A.AA'],
  // Blocks, and parameters of statements that were prepared.
  ['$$BEGIN SELECT $1, $a; END$$;', '$$BEGIN SELECT $1, A; END$$;'],
  ["$$$a '$$a' $$a", "$$A '$A' $$a"],
  // Comments stay, to their end.
  ['-- $x\n$a /* $x */ $a\n # $x\n$a #$a', '-- $x\nA /* $x */ A\n # $x\nA #A'],
  ["'\\'-- $a' -- $x", "'\\'-- A' -- $x"],
  ["x LIKE 'y' ESCAPE '\\' AND '$a' -- '$x", "x LIKE 'y' ESCAPE '\\' AND 'A' -- '$x"],
  // What has no end ends with the text.
  ["'$a", "'A"],
])('fills %j', (text, filled) => {
  expect(fillTemplate(text, values)).toBe(filled)
})

test('fills in a value as it is, whatever stands in it', () => {
  expect(fillTemplate('$a $b', { a: "$b $& '", b: '2' })).toBe("$b $& ' 2")
})

test('is refused where a placeholder has no value', () => {
  for (const text of ['$x', "'$x'", '$__proto__', '$constructor'])
    expect(errorCodeOf(() => fillTemplate(text, values))).toBe('query.parameters')
})

/** To make this text would take half a terabyte. */
test('a text that would become too long is refused before it is made', () => {
  const value = 'x'.repeat(1_000_000)
  expect(errorCodeOf(() => fillTemplate('$a'.repeat(500_000), { a: value }))).toBe('request.too_large')
})

/** Quadratic work on these would take minutes. */
test.each(["'\\", "\\'", "/*'", '/*', "'", '"', '`', '#', ' ', ' \n', '\r', '\u2028', 'escape ', '$', '-- '])(
  'a million characters of %j are gone through once',
  (part) => {
    const text = part.repeat(1_000_000 / part.length)
    for (const begin of ['', 'SELECT ', "'", '/*']) {
      const whole = `${begin}${text}`.slice(0, 1_000_000)
      expect(fillTemplate(whole, {})).toBe(whole)
    }
  },
)
