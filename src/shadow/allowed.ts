/** What questions may name. Whatever stands in no list here is refused, so that a new PostgreSQL opens nothing. */

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Tables of `pg_catalog` that tell of one database alone, or whose rows our template replaced or emptied. */
export const relations: ReadonlySet<string> = new Set(
  words(`
    pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_available_extension_versions pg_available_extensions pg_cast pg_class
    pg_collation pg_constraint pg_conversion pg_cursors pg_database pg_db_role_setting pg_default_acl pg_depend pg_description
    pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper pg_foreign_server pg_foreign_table pg_group pg_index
    pg_indexes pg_inherits pg_init_privs pg_language pg_largeobject_metadata pg_locks pg_matviews pg_namespace pg_opclass
    pg_operator pg_opfamily pg_parameter_acl pg_partitioned_table pg_policies pg_policy pg_proc pg_publication
    pg_publication_namespace pg_publication_rel pg_publication_tables pg_range pg_replication_slots pg_rewrite pg_roles pg_rules
    pg_seclabel pg_seclabels pg_sequence pg_sequences pg_settings pg_shdescription pg_stat_activity
    pg_stat_all_indexes pg_stat_all_tables pg_stat_gssapi pg_stat_user_indexes pg_stat_user_tables pg_statio_all_tables
    pg_statio_user_tables pg_statistic_ext pg_stats pg_stats_ext pg_subscription pg_tables pg_tablespace
    pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict
    pg_ts_parser pg_ts_template pg_type pg_user pg_user_mappings pg_views`),
)

/** Shared by all databases of a server: `information_schema` of our template has views that tell of one. */
export const splicedRelations: ReadonlySet<string> = new Set(
  words(`
    pg_auth_members pg_cursors pg_database pg_db_role_setting pg_locks pg_replication_slots pg_shdescription
    pg_stat_gssapi`),
)

/** Functions that say something of a server or its catalogue; a SELECT without a table that calls one is a question. */
const introspective = words(`
  col_description getdatabaseencoding current_schema current_schemas current_setting format_type has_any_column_privilege
  has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege
  has_language_privilege has_parameter_privilege has_schema_privilege has_sequence_privilege has_server_privilege
  has_table_privilege has_tablespace_privilege has_type_privilege inet_client_addr inet_client_port inet_server_addr
  inet_server_port obj_description pg_advisory_unlock_all pg_available_extension_versions pg_available_extensions pg_backend_pid pg_char_to_encoding pg_client_encoding
  pg_collation_for pg_collation_is_visible pg_column_is_updatable pg_conf_load_time pg_conversion_is_visible pg_database_size
  pg_describe_object pg_encoding_max_length pg_encoding_to_char pg_function_is_visible pg_get_constraintdef
  pg_get_expr pg_get_function_arg_default pg_get_function_arguments pg_get_function_identity_arguments
  pg_get_function_result pg_get_function_sqlbody pg_get_functiondef pg_get_indexdef pg_get_keywords
  pg_get_partition_constraintdef pg_get_partkeydef pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef
  pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions pg_get_triggerdef pg_get_userbyid pg_get_viewdef
  pg_has_role pg_identify_object pg_index_column_has_property pg_index_has_property pg_indexam_has_property
  pg_indexes_size pg_is_in_recovery pg_is_other_temp_schema pg_is_wal_replay_paused pg_my_temp_schema pg_opclass_is_visible
  pg_operator_is_visible pg_opfamily_is_visible pg_options_to_table pg_partition_ancestors pg_partition_root
  pg_partition_tree pg_postmaster_start_time pg_relation_filenode pg_relation_is_publishable
  pg_relation_is_updatable pg_relation_size pg_sequence_parameters pg_show_all_settings pg_size_bytes pg_size_pretty
  pg_stat_get_numscans pg_statistics_obj_is_visible pg_table_is_visible pg_table_size pg_tablespace_databases pg_tablespace_location
  pg_tablespace_size pg_total_relation_size pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
  pg_ts_template_is_visible pg_type_is_visible pg_typeof set_config shobj_description to_regclass to_regcollation
  to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype txid_current version
  _pg_char_max_length _pg_char_octet_length _pg_datetime_precision _pg_expandarray _pg_index_position
  _pg_interval_type _pg_numeric_precision _pg_numeric_precision_radix _pg_numeric_scale _pg_truetypid _pg_truetypmod`)

/** What such questions work with beside: small, and unable to write, wait or look at files. */
const helpers = words(`
  abs acldefault aclexplode age array_agg array_append array_cat array_dims array_length array_lower array_ndims
  array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper
  ascii avg bit_and bit_length bit_or bool bool_and bool_or bpchar btrim cardinality ceil ceiling char_length character_length
  chr clock_timestamp concat concat_ws count cume_dist current_database date_part date_trunc decode dense_rank div encode every extract
  first_value float4 float8 floor format generate_series generate_subscripts initcap int2 int4 int8 json_agg
  json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each_text json_object_keys
  json_object_agg json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
  jsonb_build_object jsonb_each_text jsonb_object_agg jsonb_object_keys jsonb_typeof lag last_value lead left length like_escape lower ltrim
  makeaclitem max md5 min mod name nameconcatoid now nth_value ntile nullif numeric octet_length oid overlay parse_ident percent_rank
  position power quote_ident quote_literal quote_nullable rank regexp_count regexp_like regexp_match regexp_matches
  regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr replace reverse right round row_number
  row_to_json rtrim sign similar_to_escape split_part starts_with statement_timestamp string_agg string_to_array string_to_table strpos
  substr substring sum text timezone to_char to_date to_hex to_json to_jsonb to_number to_timestamp transaction_timestamp translate trim
  trunc ts_token_type unnest upper varchar width_bucket`)

export const introspectiveFunctions: ReadonlySet<string> = new Set(introspective)
export const functions: ReadonlySet<string> = new Set([...introspective, ...helpers])

/** Functions that answer for a whole server, or would change it: our template has others of the same names. */
export const splicedFunctions: ReadonlySet<string> = new Set(
  words(`
    current_database current_setting format_type generate_series pg_advisory_unlock_all pg_backend_pid pg_database_size pg_get_userbyid pg_get_viewdef
    pg_has_role pg_show_all_settings pg_tablespace_databases pg_tablespace_size pg_type_is_visible set_config txid_current has_database_privilege`),
)

/** With a user named first they would look for a role of the shadow's server. */
export const privilegeFunctions: ReadonlySet<string> = new Set(
  words(`
    has_any_column_privilege has_column_privilege has_foreign_data_wrapper_privilege has_function_privilege
    has_language_privilege has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
    has_tablespace_privilege has_type_privilege`),
)
