import { describe, expect, it } from 'vitest'
import { findFunction } from '#sql/functions/registry.ts'
import { compiledSql } from './support/compiled-sql.ts'

/** Every function that the documentation of the reference platform names, by its own headings. */
const promised: Readonly<Record<string, string>> = {
  'Adobe-defined': `sess_timeout sess_start_if sess_end_if attribution_first_touch attribution_last_touch
    attribution_first_touch_exp_if attribution_last_touch_exp_if attribution_first_touch_exp_timeout
    attribution_last_touch_exp_timeout previous next time_between_previous_match time_between_next_match`,
  mathematical: `% * + - / abs acos approx_count_distinct approx_percentile asin atan atan2 avg cbrt ceil ceiling conv
    corr cos cosh cot dense_rank e exp expm1 factorial floor greatest hypot kurtosis least ln log log10 log1p log2 max
    mean min monotonically_increasing_id negative percent_rank percentile percentile_approx pi pmod positive pow power
    radians rand randn rint round sign signum sin sinh sqrt stddev stddev_pop stddev_samp sum tan tanh var_pop var_samp
    variance`,
  logical: `! not < <= = > >= ^ | ~ arrays_overlap assert_true if ifnull in isnan isnotnull isnull nanvl or
    xpath_boolean`,
  'of dates and times': `add_months date_add date_format date_sub date_trunc datediff day dayofmonth dayofweek dayofyear
    from_unixtime from_utc_timestamp hour last_day minute month months_between next_day quarter second to_date
    to_timestamp to_unix_timestamp to_utc_timestamp trunc unix_timestamp weekday weekofyear year`,
  'of arrays': `array array_contains array_distinct array_except array_intersect array_join array_max array_min
    array_position array_remove array_repeat array_sort array_union arrays_zip cardinality element_at explode
    explode_outer find_in_set flatten inline inline_outer posexplode reverse shuffle slice sort_array zip_with`,
  'of types': `bigint binary boolean date decimal double float int smallint str_to_map string tinyint`,
  'of forms': `ascii base64 bin bit_length char chr char_length character_length crc32 degrees format_number from_json
    get_json_object hash hex initcap lcase lower lpad map map_from_arrays map_from_entries md5 rpad rtrim sha sha1 sha2
    soundex stack substr substring to_json translate trim ucase upper unbase64 unhex uuid`,
  evaluating: `coalesce collect_list collect_set concat concat_ws count decode elt encode first first_value grouping
    grouping_id instr json_tuple lag lead last last_value left length levenshtein locate position map_concat map_keys
    map_values ntile nullif nvl nvl2 parse_url rank regexp_extract regexp_replace repeat replace row_number
    schema_of_json sentences sequence shiftleft shiftright shiftrightunsigned size space split substring_index window
    xpath xpath_double xpath_number xpath_float xpath_int xpath_long xpath_short xpath_string`,
  'of now': 'current_database current_date current_timestamp now',
  'of higher order': 'transform exists filter aggregate',
  'of examples': `reduce regexp_extract_all make_date make_ym_interval raise_error hll_build_agg hll_merge_agg
    hll_estimate table_exists and like rlike <=> == div`,
}

describe('every function that is promised is there', () => {
  it.each(Object.entries(promised))('%s', (_heading, names) => {
    const missing = names.split(/\s+/).filter((name) => findFunction(name) === undefined)
    expect(missing).toEqual([])
  })

  it.each([
    ['CASE WHEN 1 = 1 THEN 2 END', 2],
    ["struct(1 AS a, 'x' AS b).b", 'x'],
    ['size(array(current_date, current_date()))', 2],
    ["date'2024-01-31' + 1 = date'2024-02-01'", true],
    ['sum(1) FROM range(2) GROUP BY ROLLUP (id) HAVING grouping(id) = 1', 2],
  ])('and in the language itself: %s', async (text, wanted) => {
    using sql = await compiledSql()
    expect((await sql.run(`SELECT ${text}`)).rows).toEqual([[wanted]])
  })
})
