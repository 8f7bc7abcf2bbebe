import { functions, splicedFunctions } from './allowed.ts'

/** Who asks: may read, and nothing else. */
export const askerRole = 'asker'

/** Named in `information_schema`, which clients list as the system's own. */
const helpers = 'information_schema'

/** Settings that say something to a client, out of some 350. */
const shownSettings = `
  application_name bytea_output client_encoding DateStyle default_transaction_isolation default_transaction_read_only
  extra_float_digits integer_datetimes IntervalStyle jit lc_messages lc_monetary lc_numeric lc_time max_identifier_length
  max_index_keys max_function_args search_path server_encoding server_version server_version_num
  standard_conforming_strings statement_timeout TimeZone transaction_isolation transaction_read_only`

/** Functions that change something are volatile, and run for an asker only when a question may name them plainly. */
const volatileOnes = [...functions].filter((name) => !splicedFunctions.has(name))
/** What our own functions and views, and the naming of an asker, work with. */
const volatileWithin = ['set_config', 'pg_sequence_last_value']

const userName = `pg_catalog.current_setting('sluice.user')::name COLLATE "C"`
const databaseName = `pg_catalog.current_setting('sluice.database')::name COLLATE "C"`

/** For functions that take a user as their first argument. */
const withUser = (texts: (user: string) => readonly string[]): string[] => ['name', 'oid'].flatMap(texts)

/** What the server holds beside databases; run once, in its first database. */
export const serverText = `
CREATE ROLE postgres NOLOGIN;
CREATE ROLE ${askerRole} LOGIN CONNECTION LIMIT 40;
ALTER ROLE ${askerRole} SET default_transaction_read_only = on;
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
`

/**
 * What every database of the shadow has: our own views and functions for what would tell of other databases, roles and
 * sessions, or of the shadow itself. The asking session's names are settings of the connection (`sluice.*`).
 */
export const templateText = `
SET allow_system_table_mods = on;
REVOKE CONNECT, TEMPORARY ON DATABASE template_shadow FROM PUBLIC;
GRANT CONNECT ON DATABASE template_shadow TO ${askerRole};
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO postgres;
ALTER SCHEMA public OWNER TO postgres;
CREATE DOMAIN public.anyarray AS text;
CREATE DOMAIN public.anymap AS text;
ALTER DOMAIN public.anyarray OWNER TO postgres;
ALTER DOMAIN public.anymap OWNER TO postgres;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO ${askerRole};

CREATE FUNCTION ${helpers}.current_database() RETURNS name STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.current_setting('sluice.database')::name $$;
CREATE FUNCTION ${helpers}.current_catalog() RETURNS name STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.current_setting('sluice.database')::name $$;
${['current_user', 'current_role', 'session_user', 'user']
  .map(
    (name) => `CREATE FUNCTION ${helpers}."${name}"() RETURNS name STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.current_setting('sluice.user')::name $$;`,
  )
  .join('\n')}
CREATE FUNCTION ${helpers}.setting_of(text) RETURNS text STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.current_setting('sluice.settings')::json ->> pg_catalog.lower($1) $$;
CREATE FUNCTION ${helpers}.current_setting(text) RETURNS text STABLE LANGUAGE sql
  AS $$ SELECT coalesce(${helpers}.setting_of($1), pg_catalog.current_setting($1)) $$;
CREATE FUNCTION ${helpers}.current_setting(text, boolean) RETURNS text STABLE LANGUAGE sql
  AS $$ SELECT coalesce(${helpers}.setting_of($1), pg_catalog.current_setting($1, $2)) $$;
CREATE FUNCTION ${helpers}.pg_backend_pid() RETURNS integer STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.current_setting('sluice.process_id')::integer $$;
CREATE FUNCTION ${helpers}.quote_ident(text) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT pg_catalog.quote_ident(CASE $1 WHEN pg_catalog.current_setting('sluice.database')
    THEN pg_catalog.current_database() ELSE $1 END) $$;
CREATE FUNCTION ${helpers}.pg_advisory_unlock_all() RETURNS void LANGUAGE sql AS $$ SELECT NULL::void $$;
CREATE FUNCTION ${helpers}.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT $2 $$;
-- What changes is compared with it; to take a number of its own would be a write.
CREATE FUNCTION ${helpers}.txid_current() RETURNS bigint STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) $$;
CREATE FUNCTION ${helpers}.pg_database_size(name) RETURNS bigint STABLE LANGUAGE sql AS $$ SELECT 0::bigint $$;
CREATE FUNCTION ${helpers}.pg_database_size(oid) RETURNS bigint STABLE LANGUAGE sql AS $$ SELECT 0::bigint $$;
CREATE FUNCTION ${helpers}.pg_tablespace_size(name) RETURNS bigint STABLE LANGUAGE sql AS $$ SELECT 0::bigint $$;
CREATE FUNCTION ${helpers}.pg_tablespace_size(oid) RETURNS bigint STABLE LANGUAGE sql AS $$ SELECT 0::bigint $$;
CREATE FUNCTION ${helpers}.pg_tablespace_databases(oid) RETURNS SETOF oid STABLE LANGUAGE sql
  AS $$ SELECT NULL::oid WHERE false $$;
CREATE FUNCTION ${helpers}.format_type(oid, integer) RETURNS text STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.regexp_replace(pg_catalog.format_type($1, $2), '^public\\.any(array|map)$', 'any\\1') $$;
-- Types of PostgreSQL's own hide ours of the same name, but not from who asks for what stands there.
CREATE FUNCTION ${helpers}.pg_type_is_visible(oid) RETURNS boolean STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.pg_type_is_visible($1) OR $1 = 'public.anyarray'::pg_catalog.regtype $$;
${['name', 'text', 'oid']
  .flatMap((type) => [
    `CREATE FUNCTION ${helpers}.has_database_privilege(${type}, text) RETURNS boolean STABLE LANGUAGE sql
  AS $$ SELECT $2 ~* '^\\s*connect\\s*$' $$;`,
    `CREATE FUNCTION ${helpers}.has_database_privilege(name, ${type}, text) RETURNS boolean STABLE LANGUAGE sql
  AS $$ SELECT $3 ~* '^\\s*connect\\s*$' $$;`,
  ])
  .join('\n')}
-- Whoever is named first, a shadow shows what one may see who asks.
${[
  'table',
  'schema',
  'any_column',
  'sequence',
  'type',
  'language',
  'function',
  'tablespace',
  'server',
  'foreign_data_wrapper',
]
  .map((what) => `has_${what}_privilege`)
  .flatMap((name) =>
    withUser((user) =>
      ['text', 'oid'].map(
        (
          type,
        ) => `CREATE FUNCTION ${helpers}.${name}(${user}, ${type}, text) RETURNS boolean STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.${name}($2, $3) $$;`,
      ),
    ),
  )
  .join('\n')}
${withUser((user) =>
  ['text', 'oid'].flatMap((table) =>
    ['text', 'smallint'].map(
      (
        column,
      ) => `CREATE FUNCTION ${helpers}.has_column_privilege(${user}, ${table}, ${column}, text) RETURNS boolean STABLE
  LANGUAGE sql AS $$ SELECT pg_catalog.has_column_privilege($2, $3, $4) $$;`,
    ),
  ),
).join('\n')}
CREATE FUNCTION ${helpers}.pg_has_role(name, text) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT CASE $1 WHEN pg_catalog.current_setting('sluice.user') THEN true ELSE pg_catalog.pg_has_role($1, $2) END $$;
CREATE FUNCTION ${helpers}.pg_has_role(oid, text) RETURNS boolean STABLE LANGUAGE sql
  AS $$ SELECT pg_catalog.pg_has_role($1, $2) $$;
${withUser((user) =>
  ['name', 'oid'].map(
    (
      role,
    ) => `CREATE FUNCTION ${helpers}.pg_has_role(${user}, ${role}, text) RETURNS boolean STABLE LANGUAGE sql
  AS $$ SELECT ${helpers}.pg_has_role($2, $3) $$;`,
  ),
).join('\n')}
CREATE FUNCTION ${helpers}.pg_get_userbyid(oid) RETURNS name STABLE LANGUAGE sql AS $$
  SELECT CASE pg_catalog.pg_get_userbyid($1) WHEN '${askerRole}' THEN ${userName}
    ELSE pg_catalog.pg_get_userbyid($1) END $$;
${['integer', 'bigint']
  .flatMap((type) => [
    `CREATE FUNCTION ${helpers}.generate_series(${type}, ${type}, ${type}) RETURNS SETOF ${type} IMMUTABLE STRICT
  LANGUAGE plpgsql AS $$ BEGIN
    IF $3 <> 0 AND pg_catalog.abs(($2::numeric - $1) / $3) > 100000 THEN
      RAISE EXCEPTION 'a question to the catalogue generates at most 100000 numbers' USING ERRCODE = '53400';
    END IF;
    RETURN QUERY SELECT pg_catalog.generate_series($1, $2, $3);
  END $$;`,
    `CREATE FUNCTION ${helpers}.generate_series(${type}, ${type}) RETURNS SETOF ${type} IMMUTABLE STRICT
  LANGUAGE sql AS $$ SELECT ${helpers}.generate_series($1, $2, 1::${type}) $$;`,
  ])
  .join('\n')}

CREATE TABLE ${helpers}._view_texts (relation oid PRIMARY KEY, text text);
GRANT INSERT ON ${helpers}._view_texts TO postgres;
CREATE FUNCTION ${helpers}.view_text(oid) RETURNS text STABLE SECURITY DEFINER LANGUAGE sql
  AS $$ SELECT text FROM ${helpers}._view_texts WHERE relation = $1 $$;
CREATE FUNCTION ${helpers}.pg_get_viewdef(oid) RETURNS text STABLE LANGUAGE sql
  AS $$ SELECT coalesce(${helpers}.view_text($1), pg_catalog.pg_get_viewdef($1)) $$;
CREATE FUNCTION ${helpers}.pg_get_viewdef(oid, boolean) RETURNS text STABLE LANGUAGE sql
  AS $$ SELECT coalesce(${helpers}.view_text($1), pg_catalog.pg_get_viewdef($1, $2)) $$;
CREATE FUNCTION ${helpers}.pg_get_viewdef(oid, integer) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT ${helpers}.pg_get_viewdef($1) $$;
CREATE FUNCTION ${helpers}.pg_get_viewdef(text) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT ${helpers}.pg_get_viewdef($1::regclass::oid) $$;
CREATE FUNCTION ${helpers}.pg_get_viewdef(text, boolean) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT ${helpers}.pg_get_viewdef($1::regclass::oid) $$;

CREATE VIEW ${helpers}.pg_database AS
  SELECT oid, ${databaseName} AS datname,
    (SELECT oid FROM pg_catalog.pg_authid WHERE rolname = 'postgres') AS datdba, encoding, datlocprovider,
    false AS datistemplate, true AS datallowconn, -1 AS datconnlimit, datfrozenxid, datminmxid, dattablespace,
    datcollate, coalesce(${helpers}.setting_of('lc_ctype'), datctype) AS datctype, daticulocale, daticurules, datcollversion, NULL::aclitem[] AS datacl
  FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database();
CREATE VIEW ${helpers}.pg_cursors AS
  SELECT name, ''::text AS statement, "isHeld" AS is_holdable, false AS is_binary, false AS is_scrollable,
    pg_catalog.now() AS creation_time
  FROM pg_catalog.json_to_recordset(pg_catalog.current_setting('sluice.cursors')::json) AS x (name text, "isHeld" boolean);
CREATE VIEW ${helpers}.pg_stat_gssapi AS SELECT pg_catalog.current_setting('sluice.process_id')::integer AS pid,
  false AS gss_authenticated, NULL::text AS principal, false AS encrypted, false AS credentials_delegated;
CREATE VIEW ${helpers}._roles AS SELECT oid, ${helpers}.pg_get_userbyid(oid) AS rolname, false AS rolsuper
  FROM pg_catalog.pg_authid;
CREATE VIEW ${helpers}.pg_auth_members AS SELECT * FROM pg_catalog.pg_auth_members WHERE false;
CREATE VIEW ${helpers}.pg_db_role_setting AS SELECT * FROM pg_catalog.pg_db_role_setting WHERE false;
CREATE VIEW ${helpers}.pg_shdescription AS SELECT * FROM pg_catalog.pg_shdescription WHERE false;
-- Of their rows' types alone: the functions behind them are not an asker's to call, not even for nothing.
CREATE VIEW ${helpers}.pg_locks AS SELECT (NULL::pg_catalog.pg_locks).* WHERE false;
CREATE VIEW ${helpers}.pg_replication_slots AS SELECT (NULL::pg_catalog.pg_replication_slots).* WHERE false;

CREATE OR REPLACE VIEW pg_catalog.pg_roles AS
  SELECT rolname, false AS rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit,
    '********'::text AS rolpassword, rolvaliduntil, rolbypassrls, NULL::text[] COLLATE "C" AS rolconfig, oid
  FROM pg_catalog.pg_authid WHERE rolname = 'postgres'
  UNION ALL SELECT ${userName}, false, true, false, false, true, false, -1,
    '********'::text, NULL::timestamptz, false, NULL::text[] COLLATE "C", oid
  FROM pg_catalog.pg_authid WHERE rolname = '${askerRole}';
CREATE OR REPLACE VIEW pg_catalog.pg_user AS
  SELECT rolname AS usename, oid AS usesysid, false AS usecreatedb, false AS usesuper, false AS userepl,
    false AS usebypassrls, '********'::text AS passwd, NULL::timestamptz AS valuntil, NULL::text[] COLLATE "C" AS useconfig
  FROM pg_catalog.pg_roles WHERE rolcanlogin;
CREATE OR REPLACE VIEW pg_catalog.pg_group AS
  SELECT rolname AS groname, oid AS grosysid, NULL::oid[] AS grolist FROM pg_catalog.pg_roles WHERE false;
CREATE OR REPLACE VIEW pg_catalog.pg_stat_activity AS
  SELECT oid AS datid, datname, pg_catalog.current_setting('sluice.process_id')::integer AS pid,
    NULL::integer AS leader_pid, (SELECT oid FROM pg_catalog.pg_authid WHERE rolname = '${askerRole}') AS usesysid,
    ${userName} AS usename,
    pg_catalog.current_setting('sluice.client') AS application_name, NULL::inet AS client_addr,
    NULL::text AS client_hostname, NULL::integer AS client_port, pg_catalog.now() AS backend_start,
    pg_catalog.now() AS xact_start, pg_catalog.now() AS query_start, pg_catalog.now() AS state_change,
    NULL::text AS wait_event_type, NULL::text AS wait_event, 'active'::text AS state, NULL::xid AS backend_xid,
    NULL::xid AS backend_xmin, NULL::bigint AS query_id, ''::text AS query, 'client backend'::text AS backend_type
  FROM ${helpers}.pg_database;

DO $$
DECLARE view record; definition text; changed text;
BEGIN
  EXECUTE 'CREATE OR REPLACE VIEW pg_catalog.pg_settings AS SELECT every.name,
      coalesce(${helpers}.setting_of(every.name), every.setting) AS setting, every.unit, every.category, every.short_desc,
      every.extra_desc, every.context, every.vartype, every.source, every.min_val, every.max_val, every.enumvals,
      every.boot_val, every.reset_val, every.sourcefile, every.sourceline, every.pending_restart FROM ('
    || pg_catalog.rtrim(pg_catalog.pg_get_viewdef('pg_catalog.pg_settings'::regclass), ';')
    || $_$) AS every WHERE every.name = ANY (pg_catalog.regexp_split_to_array('${shownSettings.trim().replaceAll(/\s+/g, ' ')}', ' ')) $_$;
  FOR view IN
    SELECT c.oid, nspname, relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE (relnamespace = '${helpers}'::regnamespace AND relkind = 'v' AND relname !~ '^(pg_|_)') OR relname = 'pg_views'
  LOOP
    definition := pg_catalog.pg_get_viewdef(view.oid);
    changed := pg_catalog.replace(definition, 'current_database()', '${helpers}.current_database()');
    changed := pg_catalog.regexp_replace(changed, '\\mpg_database\\M', '${helpers}.pg_database', 'g');
    changed := pg_catalog.regexp_replace(changed, '\\mpg_authid\\M', '${helpers}._roles', 'g');
    -- Who may read a view may see its text, whoever made it.
    changed := pg_catalog.regexp_replace(changed,
      'CASE\\s+WHEN pg_has_role\\(c\\.relowner, ''USAGE''::text\\) THEN (pg_get_viewdef\\(c\\.oid\\))\\s+ELSE NULL::text\\s+END', '\\1');
    changed := pg_catalog.replace(changed, 'pg_get_viewdef(', '${helpers}.pg_get_viewdef(');
    IF changed <> definition THEN
      EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW %I.%I AS %s', view.nspname, view.relname, changed);
    END IF;
  END LOOP;
END $$;
CREATE FUNCTION ${helpers}.pg_show_all_settings() RETURNS SETOF pg_catalog.pg_settings STABLE LANGUAGE sql
  AS $$ SELECT * FROM pg_catalog.pg_settings $$;
-- A column's name can call a function of one argument, \`(x).pg_sleep\`, which no list of what is named sees.
DO $$
DECLARE forbidden regprocedure;
BEGIN
  FOR forbidden IN
    SELECT oid FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND (
      provolatile = 'v' AND proname <> ALL ('{${[...volatileOnes, ...volatileWithin].join()}}')
      OR proname ~ '^pg_stat_get_(activity|backend|db|progress|replication|subscription|wal)'
      OR proname = 'pg_tablespace_databases')
  LOOP
    EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', forbidden);
  END LOOP;
END $$;
GRANT SELECT ON ${helpers}.pg_cursors, ${helpers}.pg_database, ${helpers}.pg_auth_members, ${helpers}.pg_db_role_setting,
  ${helpers}.pg_shdescription, ${helpers}.pg_stat_gssapi, ${helpers}.pg_locks, ${helpers}.pg_replication_slots TO PUBLIC;
`
