/**
 * Tables with columns of every type, and rows with usual, extreme and missing values, for Debezium and for the mapping. `%` stands for what
 * is added to each id: the rows are inserted with 0 before the snapshot and with 100 after it, and then `changes` are made.
 */

export interface SampleTable {
  /** `schema.table`, unquoted. */
  readonly name: string
  readonly extension?: string
  readonly ddl: readonly string[]
  readonly rows: readonly string[]
  readonly changes?: readonly string[]
  /** The rows are too large to be kept: only the changes are. */
  readonly isLarge?: boolean
  /** Names of sample settings; all where it is not given. */
  readonly settings?: readonly string[]
}

/** The settings of the connectors that map the tables, by a short name. */
export const sampleSettings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  plain: {},
  strings: {
    'decimal.handling.mode': 'string',
    'time.precision.mode': 'connect',
    'interval.handling.mode': 'string',
    'binary.handling.mode': 'base64',
    'include.unknown.datatypes': 'true',
    'column.propagate.source.type': '.*',
  },
  doubles: {
    'decimal.handling.mode': 'double',
    'time.precision.mode': 'adaptive_time_microseconds',
    'hstore.handling.mode': 'map',
    'binary.handling.mode': 'hex',
    'include.unknown.datatypes': 'true',
    'schema.name.adjustment.mode': 'avro',
    'field.name.adjustment.mode': 'avro',
  },
  isostring: {
    'time.precision.mode': 'isostring',
    'binary.handling.mode': 'base64-url-safe',
    'include.unknown.datatypes': 'true',
    'money.fraction.digits': '3',
    'schema.name.adjustment.mode': 'avro_unicode',
    'field.name.adjustment.mode': 'avro_unicode',
  },
  micros: { 'time.precision.mode': 'microseconds', 'include.unknown.datatypes': 'true', 'field.name.adjustment.mode': 'avro' },
  nanos: { 'time.precision.mode': 'nanoseconds', 'schema.name.adjustment.mode': 'avro' },
  columns: {
    'column.exclude.list': 'public\\.texts\\.t_(bpchar|char5)',
    'column.truncate.to.3.chars': 'public.texts.t_(text|varchar10|uuid),public.bits.b_bytea,public.arrays.a_text',
    'column.mask.with.6.chars': 'PUBLIC.TEXTS.(t_citext|t_name|t_varchar)',
    'column.mask.hash.SHA-256.with.salt.CzQMA0cB5K': 'public.texts.(t_json|t_dtext|t_plain)',
    'column.mask.hash.v2.MD5.with.salt.pepper': 'public.texts.(t_jsonb|t_v20|t_enum)',
    'datatype.propagate.source.type': '.+\\.numeric',
    'message.key.columns': 'public.texts:t_text,t_v20;public.numbers:n_int8,n_num102',
    'topic.delimiter': '-',
  },
}

export const sampleTypes: readonly string[] = [
  'CREATE EXTENSION IF NOT EXISTS citext',
  'CREATE EXTENSION IF NOT EXISTS hstore',
  "CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy', 'it''s', 'a,b')",
  'CREATE TYPE pair AS (a int, b text)',
  'CREATE DOMAIN d_text AS text',
  'CREATE DOMAIN d_varchar AS varchar(5)',
  'CREATE DOMAIN d_deep AS d_varchar',
  'CREATE DOMAIN d_numeric AS numeric(8,3)',
  'CREATE DOMAIN d_anynumeric AS numeric',
  'CREATE DOMAIN d_int AS int NOT NULL',
  'CREATE DOMAIN d_ints AS int[]',
  'CREATE DOMAIN d_stamp AS timestamp(2)',
  'CREATE DOMAIN d_bits AS bit(4)',
  'CREATE TYPE span AS RANGE (subtype = float8)',
]

const nulls = (table: string) => `INSERT INTO ${table} (id) VALUES (9+%)`

export const sampleTables: readonly SampleTable[] = [
  {
    name: 'public.numbers',
    settings: ['plain', 'strings', 'doubles', 'isostring', 'columns'],
    ddl: [
      `CREATE TABLE numbers (id int PRIMARY KEY, n_int2 smallint, n_int4 int, n_int8 bigint, n_f4 real, n_f8 double precision,
        n_num numeric, n_num102 numeric(10,2), n_num5 numeric(5), n_num3819 numeric(38,19), n_money money, n_bool boolean, n_oid oid)`,
    ],
    rows: [
      `INSERT INTO numbers VALUES (1+%, 1, 2, 3, 1.5, 2.5, 12.3450, 12.3, 7, 1.5, 1234.56, true, 16384)`,
      `INSERT INTO numbers VALUES (2+%, -32768, -2147483648, -9223372036854775808, -3.4e38, -1.7976931348623157e308, -0.000001, -99999999.99, -99999,
        -9999999999999999999.9999999999999999999, -0.07, false, 4294967295)`,
      `INSERT INTO numbers VALUES (3+%, 32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', 12000, 0, 0, 0, 0, true, 0)`,
      `INSERT INTO numbers VALUES (4+%, 0, 0, 9007199254740993, 'Infinity', '-Infinity', 1e30, 1e7, 10, 1e18, -92233720368547758.08, false, 1)`,
      `INSERT INTO numbers VALUES (5+%, 0, 0, 0, 0.1, 0.1, 0.00, -0.5, 0, 0.1, 92233720368547758.07, false, 1)`,
      `INSERT INTO numbers VALUES (6+%, 0, 0, 0, '-0', '-0', 100000000000000000000000000000000000000.5, 100, 0, -0.1, 1000000, false, 1)`,
      nulls('numbers'),
    ],
  },
  {
    name: 'public.specials',
    settings: ['strings', 'doubles'],
    ddl: ['CREATE TABLE specials (id int PRIMARY KEY, s_num numeric, s_dom d_anynumeric)'],
    rows: ["INSERT INTO specials VALUES (1+%, 'NaN', 'NaN')", "INSERT INTO specials VALUES (2+%, 'Infinity', '-Infinity')"],
  },
  {
    name: 'public.texts',
    settings: ['plain', 'strings', 'columns'],
    ddl: [
      `CREATE TABLE texts (id int PRIMARY KEY, t_char "char", t_char5 char(5), t_bpchar bpchar, t_varchar varchar, t_varchar10 varchar(10),
        t_v20 varchar(20) NOT NULL, t_text text NOT NULL, t_citext citext, t_name name, t_uuid uuid, t_json json, t_jsonb jsonb, t_xml xml,
        t_enum mood, t_dtext d_text, t_plain text, t_dvarchar d_varchar, t_ddeep d_deep, t_dnumeric d_numeric, t_danynumeric d_anynumeric,
        t_dint d_int, t_dints d_ints, t_dstamp d_stamp, t_dbits d_bits)`,
    ],
    rows: [
      `INSERT INTO texts VALUES (1+%, 'c', 'ab', 'bp', 'some varchar', 'ten', 'twenty', 'a text', 'CiTeXt', 'a_name',
        '6f9619ff-8b86-d011-b42d-00c04fc964ff', '{"a" : 1, "b":"ü"}', '{"b": "x", "a": [1, 2.50]}', '<a b="c">d</a>', 'sad', 'domain', 'plain',
        'five', 'deep', 12.5, 1.50, 42, '{1,2,NULL}', '2024-02-29 12:34:56.78', B'1010')`,
      `INSERT INTO texts VALUES (2+%, '', '', '', '', '', '', '', '', '', '00000000-0000-0000-0000-000000000000', 'null', '"s"', '', 'it''s', '', '',
        '', '', -0.001, 0, -1, '{}', '0001-01-01 00:00:00', B'0000')`,
      `INSERT INTO texts VALUES (3+%, E'\\\\', 'äöü€𝄞', E'tab\\tnl\\nbs\\\\', '\\N', E'q"uo', E'\\b\\f\\r\\v', 'a longer text, with "quotes" and 日本語', 'ÄÖ', 'x',
        'ffffffff-ffff-ffff-ffff-ffffffffffff', '[1,
2]', '12345678901234567890.12300', '<x/>', 'very happy', 'NULL', 'p', 'é', '{}', 99999.999, 123456789012345678901234567890.123, 2147483647, '{2147483647}',
        '2024-12-31 23:59:59.99', B'1111')`,
      `INSERT INTO texts (id, t_v20, t_text, t_dint) VALUES (9+%, 'v', 't', 0)`,
    ],
  },
  {
    name: 'public.times',
    ddl: [
      `CREATE TABLE times (id int PRIMARY KEY, d_date date, d_time time, d_time0 time(0), d_time3 time(3), d_timetz timetz, d_timetz3 timetz(3),
        d_ts timestamp, d_ts0 timestamp(0), d_ts3 timestamp(3), d_ts6 timestamp(6), d_tz timestamptz, d_tz0 timestamptz(0),
        d_tz3 timestamptz(3), d_tz6 timestamptz(6), d_iv interval, d_iv3 interval(3), d_ivym interval year to month, d_ivds interval day to second(2))`,
    ],
    rows: [
      `INSERT INTO times VALUES (1+%, '2024-02-29', '13:14:15.123456', '13:14:15.6', '13:14:15.1239', '13:14:15.123456+02', '13:14:15.1239-05:30',
        '2024-02-29 13:14:15.123456', '2024-02-29 13:14:15.6', '2024-02-29 13:14:15.1239', '2024-02-29 13:14:15.120000',
        '2024-02-29 13:14:15.123456+02', '2024-02-29 13:14:15.6+02', '2024-02-29 13:14:15.1239+02', '2024-02-29 13:14:15.12+00',
        '1 year 2 months 3 days 04:05:06.789012', '04:05:06.7891', '1 year 2 months', '3 days 04:05:06.789')`,
      `INSERT INTO times VALUES (2+%, '1970-01-01', '00:00:00', '00:00:00', '00:00:00', '00:00:00+00', '00:00:00+00', '1970-01-01 00:00:00',
        '1970-01-01 00:00:00', '1970-01-01 00:00:00', '1970-01-01 00:00:00', '1970-01-01 00:00:00+00', '1970-01-01 00:00:00+00',
        '1970-01-01 00:00:00+00', '1970-01-01 00:00:00+00', '0', '0', '0', '0')`,
      `INSERT INTO times VALUES (3+%, '1969-12-31', '23:59:59.999999', '23:59:59', '23:59:59.999', '23:59:59.999999-12', '00:30:00+14',
        '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59', '1969-12-31 23:59:59.999', '1583-01-01 00:00:00.000001',
        '1969-12-31 23:59:59.999999+00', '1583-01-01 00:00:00+00', '2199-12-31 23:59:59.999+00', '9999-12-31 23:59:59.999999+00',
        '-1 years -2 months +3 days -04:05:06.7', '-00:00:00.001', '-11 months', '-1 day 00:00:00.5')`,
      `INSERT INTO times VALUES (4+%, '2000-01-01', '10:00:00.1', '10:00:00', '10:00:00.12', '10:00:00.1+01', '10:00:00+01',
        '2000-01-01 10:00:00.1', '2000-01-01 10:00:00', '2000-01-01 10:00:00.12', '2000-01-01 10:00:00.1', '2000-01-01 10:00:00.1+01',
        '2000-01-01 10:00:00+01', '2000-01-01 10:00:00.1+01', '2000-01-01 10:00:00+01', '100 years', '1000000:00:00', '1000 years', '1000 days')`,
      `INSERT INTO times VALUES (5+%, '2024-06-30', '24:00:00', '24:00:00', '12:00:00', '12:00:00+00', '24:00:00+00', '2024-06-30 12:00:00.5',
        '2024-06-30 12:00:00', '2024-06-30 12:00:00', '2024-06-30 12:00:00', '2024-06-30 12:00:00+00', '2024-06-30 12:00:00+00',
        '2024-06-30 12:00:00+00', '2024-06-30 12:00:00+00', '1 mon', '1 day', '1 mon', '0.01 seconds')`,
      nulls('times'),
    ],
  },
  {
    name: 'public.infinities',
    ddl: ['CREATE TABLE infinities (id int PRIMARY KEY, i_date date, i_ts timestamp, i_tz timestamptz, i_ts3 timestamp(3))'],
    settings: ['plain', 'isostring', 'micros', 'strings'],
    rows: [
      "INSERT INTO infinities VALUES (1+%, 'infinity', 'infinity', 'infinity', 'infinity')",
      "INSERT INTO infinities VALUES (2+%, '-infinity', '-infinity', '-infinity', '-infinity')",
      "INSERT INTO infinities VALUES (3+%, '0044-03-15 BC', '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00 BC')",
      "INSERT INTO infinities VALUES (4+%, '12345-06-07', '12345-06-07 01:02:03.5', '12345-06-07 01:02:03.5+00', '12345-06-07 01:02:03.5')",
      "INSERT INTO infinities VALUES (5+%, '1500-01-01', '1500-01-01 01:02:03', '1500-01-01 01:02:03+00', '1500-01-01 01:02:03')",
      "INSERT INTO infinities VALUES (6+%, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '294276-12-31 23:59:59.999')",
    ],
  },
  {
    name: 'public.bits',
    settings: ['plain', 'strings', 'doubles', 'isostring', 'columns'],
    ddl: [
      'CREATE TABLE bits (id int PRIMARY KEY, b_bit bit, b_bit1 bit(1), b_bit8 bit(8), b_bit20 bit(20), b_varbit varbit, b_varbit5 varbit(5), b_varbit1 varbit(1), b_bytea bytea)',
    ],
    rows: [
      "INSERT INTO bits VALUES (1+%, B'1', B'1', B'10000001', B'10000000000000000001', B'1010101010101', B'101', B'1', '\\x00ff10')",
      "INSERT INTO bits VALUES (2+%, B'0', B'0', B'00000000', B'00000000000000000000', B'', B'', B'', '')",
      "INSERT INTO bits VALUES (3+%, B'0', B'0', B'00000001', B'00000000000000000010', B'0000000010', B'00001', B'0', 'text + / ?')",
      "INSERT INTO bits VALUES (4+%, B'0', B'0', B'11111111', B'11111111111111111111', B'100000000', B'11111', B'0', '\\xfbefbeff')",
      nulls('bits'),
    ],
  },
  {
    name: 'public.networks',
    settings: ['plain', 'strings', 'doubles'],
    ddl: [
      `CREATE TABLE networks (id int PRIMARY KEY, w_inet inet, w_cidr cidr, w_mac macaddr, w_mac8 macaddr8, w_i4r int4range, w_i8r int8range,
        w_nr numrange, w_tsr tsrange, w_tzr tstzrange, w_dr daterange, w_span span, w_mr int4multirange)`,
    ],
    rows: [
      `INSERT INTO networks VALUES (1+%, '192.168.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '[1,5)', '(1,)', '[1.5,2.5]',
        '[2024-01-01 00:00:00,2024-01-02 00:00:00)', '[2024-01-01 00:00:00+01,2024-01-02 00:00:00.5+00)', '[2024-01-01,2024-02-01)', '[1.5,2)', '{[1,3),[5,7)}')`,
      `INSERT INTO networks VALUES (2+%, '::1/64', '2001:db8::/32', '08-00-2b-01-02-03', '08002b0102030405', 'empty', '(,)', 'empty', '(,)', 'empty', '(,)', 'empty', '{}')`,
      nulls('networks'),
    ],
  },
  {
    name: 'public.shapes',
    settings: ['plain', 'strings', 'micros'],
    ddl: [
      `CREATE TABLE shapes (id int PRIMARY KEY, s_point point, s_box box, s_line line, s_lseg lseg, s_path path, s_polygon polygon, s_circle circle,
        s_tsvector tsvector, s_tsquery tsquery, s_lsn pg_lsn, s_txid txid_snapshot, s_jsonpath jsonpath, s_pair pair, s_xid xid, s_regclass regclass,
        s_tid tid, s_int2vector int2vector, s_oidvector oidvector)`,
    ],
    rows: [
      `INSERT INTO shapes VALUES (1+%, '(1.5,-2)', '(3,4),(1,2)', '{1,2,3}', '[(1,2),(3,4)]', '[(1,2),(3,4)]', '((1,2),(3,4),(5,6))', '<(1,2),3>',
        'fat:2 cat:3A', 'fat & cat', '16/B374D848', '10:20:10,14,15', '$.a[*]', '(1,x)', '42', 'pg_class', '(1,2)', '1 2', '3 4')`,
      nulls('shapes'),
    ],
  },
  {
    name: 'public.arrays',
    settings: ['plain', 'strings', 'doubles', 'isostring', 'micros', 'nanos', 'columns'],
    ddl: [
      `CREATE TABLE arrays (id int PRIMARY KEY, a_int2 smallint[], a_int4 int[], a_int8 bigint[], a_text text[], a_varchar varchar(10)[], a_bpchar char(3)[],
        a_char "char"[], a_num numeric[], a_num102 numeric(10,2)[], a_f4 real[], a_f8 float8[], a_bool bool[], a_date date[], a_time time[], a_time3 time(3)[], a_timetz timetz[],
        a_ts timestamp[], a_ts3 timestamp(3)[], a_tz timestamptz[], a_tz3 timestamptz(3)[], a_uuid uuid[], a_json json[], a_jsonb jsonb[], a_bytea bytea[], a_oid oid[], a_inet inet[],
        a_cidr cidr[], a_mac macaddr[], a_mac8 macaddr8[], a_i4r int4range[], a_i8r int8range[], a_nr numrange[], a_tsr tsrange[], a_tzr tstzrange[], a_dr daterange[],
        a_mood mood[], a_citext citext[])`,
    ],
    rows: [
      `INSERT INTO arrays VALUES (1+%, '{1,-2}', '{3,NULL,4}', '{5,9007199254740993}', '{a,"b c",NULL,"NULL","q\\"\\\\","",","}', '{x,yy}', '{a,bcd}', '{a,b}', '{1.50,2}',
        '{1.5,2}', '{1.5,NaN}', '{2.5,Infinity}', '{t,f,NULL}', '{2024-02-29,NULL}', '{13:14:15.123456}', '{13:14:15.123}', '{13:14:15.123456+02}',
        '{"2024-02-29 13:14:15.123456"}', '{"2024-02-29 13:14:15.123"}', '{"2024-02-29 13:14:15.123456+02",NULL}', '{"2024-02-29 13:14:15.12+00"}',
        '{6f9619ff-8b86-d011-b42d-00c04fc964ff}', '{"{\\"a\\": 1}","[1]"}', '{"{\\"a\\": 1}"}', '{"\\\\x00ff","\\\\x"}', '{1,4294967295}', '{10.0.0.1,::1}', '{10.0.0.0/8}',
        '{08:00:2b:01:02:03}', '{08:00:2b:01:02:03:04:05}', '{"[1,5)"}', '{"[1,5)"}', '{"[1.5,2]"}', '{"[2024-01-01 00:00:00,2024-01-02 00:00:00)"}',
        '{"[2024-01-01 00:00:00+00,2024-01-02 00:00:00+00)"}', '{"[2024-01-01,2024-02-01)"}', '{sad,"very happy",it''s}', '{Ci,"Te Xt"}')`,
      `INSERT INTO arrays VALUES (2+%, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')`,
      nulls('arrays'),
    ],
  },
  {
    name: 'public.deep_arrays',
    settings: ['plain'],
    ddl: ['CREATE TABLE deep_arrays (id int PRIMARY KEY, x_int int[][], x_text text[][])'],
    rows: ["INSERT INTO deep_arrays VALUES (1+%, '{{1,2},{3,4}}', '{{a,b},{c,NULL}}')", "INSERT INTO deep_arrays VALUES (2+%, '[0:1]={5,6}', '[2:2]={x}')"],
  },
  {
    name: 'public.odd_arrays',
    settings: ['plain', 'strings', 'micros'],
    ddl: [
      `CREATE TABLE odd_arrays (id int PRIMARY KEY, o_money money[], o_name name[], o_iv interval[], o_varbit varbit[], o_bit bit(1)[], o_bit3 bit(3)[], o_xml xml[], o_point point[],
        o_dtext d_text[], o_dnum d_numeric[], o_pair pair[], o_tsvector tsvector[], o_span span[], o_box box[])`,
    ],
    rows: [
      `INSERT INTO odd_arrays VALUES (1+%, '{1.50}', '{ab}', '{"1 day"}', '{101}', '{1,0}', '{101}', '{<a/>}', '{"(1,2)"}', '{x}', '{1.5}', '{"(1,x)"}', '{"fat cat"}', '{"[1,2)"}',
        '{(3,4),(1,2)}')`,
      nulls('odd_arrays'),
    ],
  },
  {
    name: 'public.defaults',
    ddl: [
      'CREATE SEQUENCE numbering',
      `CREATE TABLE defaults (id int PRIMARY KEY, f_serial serial, f_bigserial bigserial, f_int2 smallint DEFAULT 5, f_int4 int NOT NULL DEFAULT -7, f_int8 bigint DEFAULT '9223372036854775807',
        f_f4 real DEFAULT 1.5, f_f8 float8 DEFAULT 2.5, f_num numeric DEFAULT 1.50, f_num102 numeric(10,2) DEFAULT 3, f_num102n numeric(10,2) NOT NULL DEFAULT -1.005, f_money money DEFAULT 5, f_bool bool DEFAULT true,
        f_boolf bool NOT NULL DEFAULT false, f_text text DEFAULT 'it''s', f_textn text NOT NULL DEFAULT '', f_varchar varchar(10) DEFAULT 'abc', f_char char(3) DEFAULT 'x', f_func text DEFAULT upper('x'),
        f_concat text DEFAULT 'a' || 'b', f_user text DEFAULT current_user, f_null text DEFAULT NULL, f_nullint int DEFAULT NULL::int, f_json json DEFAULT '{"a": 1}', f_jsonb jsonb NOT NULL DEFAULT '{}',
        f_uuid uuid DEFAULT '6f9619ff-8b86-d011-b42d-00c04fc964ff', f_uuidf uuid NOT NULL DEFAULT gen_random_uuid(), f_date date DEFAULT '2024-02-29', f_datef date DEFAULT CURRENT_DATE, f_time time DEFAULT '13:14:15.5',
        f_timef time DEFAULT LOCALTIME, f_timetz timetz DEFAULT '13:14:15+02', f_ts timestamp DEFAULT '2024-02-29 13:14:15.123456', f_ts3 timestamp(3) DEFAULT '2024-02-29 13:14:15.123', f_tsf timestamp NOT NULL DEFAULT now(),
        f_tz timestamptz DEFAULT '2024-02-29 13:14:15+02', f_tzf timestamptz DEFAULT CURRENT_TIMESTAMP, f_tzn timestamptz(3) NOT NULL DEFAULT now(), f_iv interval DEFAULT '1 day', f_ivf interval DEFAULT make_interval(days => 1),
        f_bit bit DEFAULT B'1', f_bit4 bit(4) DEFAULT B'1010', f_varbit varbit DEFAULT B'101', f_bytea bytea DEFAULT '\\xff', f_mood mood DEFAULT 'ok', f_moodn mood NOT NULL DEFAULT 'it''s', f_ints int[] DEFAULT '{1,2}',
        f_inet inet DEFAULT '10.0.0.1', f_xml xml DEFAULT '<a/>', f_point point DEFAULT '(1,2)', f_citext citext DEFAULT 'ci', f_dint d_int DEFAULT 3, f_dnum d_numeric DEFAULT 1.5, f_dtext d_text NOT NULL DEFAULT 'dom', f_oid oid DEFAULT 42, f_name name DEFAULT 'nm',
        f_seq int DEFAULT nextval('numbering'), f_ident int GENERATED BY DEFAULT AS IDENTITY, f_gen int GENERATED ALWAYS AS (f_int4 * 2) STORED, f_expr int DEFAULT 1 + 2, f_paren int NOT NULL DEFAULT (-(5)), f_cast int DEFAULT '12'::text::int, f_long text DEFAULT 'multi
line')`,
    ],
    rows: [
      `INSERT INTO defaults (id, f_uuidf, f_tsf, f_tzn, f_datef, f_timef, f_tzf, f_user, f_serial, f_bigserial, f_seq, f_ident) VALUES (1+%, '6f9619ff-8b86-d011-b42d-00c04fc964ff', '2024-01-01', '2024-01-01', '2024-01-01', '10:00', '2024-01-01', 'me', 1, 1, 1, 1)`,
      `INSERT INTO defaults (id, f_uuidf, f_tsf, f_tzn, f_datef, f_timef, f_tzf, f_serial, f_bigserial, f_int2, f_int8, f_f4, f_text, f_ts, f_mood, f_json, f_bit4, f_num, f_num102) VALUES (2+%,
        '6f9619ff-8b86-d011-b42d-00c04fc964ff', '2024-01-01', '2024-01-01', NULL, NULL, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    ],
    settings: ['plain', 'strings', 'isostring'],
  },
  {
    name: 'odd-schema.odd table',
    ddl: [
      'CREATE SCHEMA "odd-schema"',
      'CREATE TABLE "odd-schema"."odd table" ("1st" int, "with space" text, "with.dot" text, "MixedCase" text, "dash-ed" text, _under text, "x$y" text, PRIMARY KEY ("1st", "with space"))',
    ],
    rows: [`INSERT INTO "odd-schema"."odd table" VALUES (1+%, 'k', 'dot', 'mixed', 'dash', 'under', 'dollar')`],
  },
  {
    name: 'public.unique_key',
    settings: ['plain', 'columns'],
    ddl: [
      'CREATE TABLE unique_key (id int NOT NULL, a varchar(10) NOT NULL, b numeric(6,1) NOT NULL DEFAULT 2, c timestamptz NOT NULL)',
      'CREATE UNIQUE INDEX unique_key_b_a ON unique_key (b, a)',
    ],
    rows: ["INSERT INTO unique_key VALUES (1+%, 'x' || %, 1.5, '2024-01-01 00:00:00+00')"],
  },
  {
    name: 'public.hstores',
    settings: ['plain', 'doubles'],
    ddl: ['CREATE TABLE hstores (id int PRIMARY KEY, h_h hstore, h_a hstore[])'],
    rows: [
      `INSERT INTO hstores VALUES (1+%, 'a=>1, "b c"=>NULL, "q\\"u"=>"x\\\\y", "ü"=>"", "aaa"=>"2"', ARRAY['a=>1'::hstore, 'b=>NULL'::hstore])`,
      "INSERT INTO hstores VALUES (2+%, '', '{}')",
      nulls('hstores'),
    ],
  },
  {
    name: 'public.toasts',
    settings: ['plain', 'strings', 'doubles'],
    ddl: [
      `CREATE TABLE toasts (id int PRIMARY KEY, n int, o_text text, o_textn text NOT NULL, o_varchar varchar, o_json json, o_jsonb jsonb, o_xml xml, o_bytea bytea, o_texts text[],
        o_varchars varchar(9000)[], o_jsons json[], o_byteas bytea[], o_ints int[], o_int8s bigint[], o_uuids uuid[], o_dates date[], o_tsvector tsvector, o_h hstore)`,
      ...['o_text', 'o_textn', 'o_varchar', 'o_json', 'o_jsonb', 'o_xml', 'o_bytea', 'o_texts', 'o_varchars', 'o_jsons', 'o_byteas', 'o_ints', 'o_int8s', 'o_uuids', 'o_dates', 'o_tsvector', 'o_h'].map(
        (column) => `ALTER TABLE toasts ALTER ${column} SET STORAGE EXTERNAL`,
      ),
    ],
    rows: [
      `INSERT INTO toasts SELECT 1+%, 0, x, x, x, to_json(x), to_jsonb(x), ('<a>' || x || '</a>')::xml, x::bytea, ARRAY[x], ARRAY[x], ARRAY[to_json(x)], ARRAY[x::bytea], numbers, numbers::bigint[],
        array_fill('6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid, ARRAY[600]), array_fill('2024-02-29'::date, ARRAY[900]), array_to_tsvector(numbers::text[]), hstore('a', x)
        FROM (SELECT repeat('x', 3000) AS x, array(SELECT generate_series(1, 900)) AS numbers) AS big`,
    ],
    isLarge: true,
    changes: ['UPDATE toasts SET n = 1 WHERE id = 101'],
  },
  {
    name: 'public.removed',
    settings: ['plain', 'strings', 'isostring'],
    ddl: [
      `CREATE TABLE removed (id int PRIMARY KEY, r_int int NOT NULL, r_int8 bigint NOT NULL, r_default int NOT NULL DEFAULT 7, r_f8 float8 NOT NULL, r_bool bool NOT NULL, r_text text NOT NULL, r_null text,
        r_num numeric NOT NULL, r_num102 numeric(10,2) NOT NULL, r_money money NOT NULL, r_bytea bytea NOT NULL, r_bit bit NOT NULL, r_bits bit(4) NOT NULL, r_date date NOT NULL, r_time time NOT NULL, r_timetz timetz NOT NULL,
        r_ts timestamp NOT NULL, r_ts3 timestamp(3) NOT NULL, r_tz timestamptz NOT NULL, r_iv interval NOT NULL, r_uuid uuid NOT NULL, r_json json NOT NULL, r_xml xml NOT NULL, r_mood mood NOT NULL, r_ints int[] NOT NULL,
        r_inet inet NOT NULL, r_range int4range NOT NULL, r_point point NOT NULL, r_tsvector tsvector NOT NULL)`,
    ],
    rows: [
      `INSERT INTO removed VALUES (1+%, 1, 1, 1, 1, true, 't', 'n', 1, 1, 1, '\\x01', B'1', B'1010', '2024-02-29', '10:00', '10:00+00', '2024-02-29', '2024-02-29', '2024-02-29', '1 day',
        '6f9619ff-8b86-d011-b42d-00c04fc964ff', '{}', '<a/>', 'ok', '{1}', '10.0.0.1', '[1,2)', '(1,2)', 'a')`,
    ],
    changes: ['DELETE FROM removed WHERE id = 101'],
  },
  {
    name: 'public.trees',
    settings: ['plain', 'strings'],
    extension: 'ltree',
    ddl: ['CREATE TABLE trees (id int PRIMARY KEY, l_l ltree, l_a ltree[], l_q lquery)'],
    rows: [`INSERT INTO trees VALUES (1+%, 'a.b.c', '{a.b,c}', '*.b.*')`, nulls('trees')],
  },
  {
    name: 'public.books',
    settings: ['plain', 'strings'],
    extension: 'isn',
    ddl: ['CREATE TABLE books (id int PRIMARY KEY, k_isbn isbn, k_issn issn)'],
    rows: [`INSERT INTO books VALUES (1+%, '978-0-393-04002-9', '1436-4522')`, nulls('books')],
  },
  {
    name: 'public.vectors',
    settings: ['plain', 'strings'],
    extension: 'vector',
    ddl: ['CREATE TABLE vectors (id int PRIMARY KEY, v_v vector(3), v_h halfvec(3), v_s sparsevec(500), v_a vector(2)[])'],
    rows: [`INSERT INTO vectors VALUES (1+%, '[1,2.5,-3]', '[1,0.1,-3]', '{1:1.5,3:2}/500', '{"[1,2]"}')`, nulls('vectors')],
  },
  {
    name: 'public.places',
    settings: ['plain', 'strings'],
    extension: 'postgis',
    ddl: [
      'CREATE TABLE places (id int PRIMARY KEY, p_g geometry, p_p geometry(Point,4326), p_geo geography, p_geop geography(Point,4326), p_a geometry[])',
    ],
    rows: [
      `INSERT INTO places VALUES (1+%, 'LINESTRING(0 0,1 1)', 'SRID=4326;POINT(1 2)', 'POINT(3 4)', 'POINT(5 6)', ARRAY['SRID=4326;POINT(1 2)'::geometry, 'POINT Z (1 2 3)'::geometry])`,
      `INSERT INTO places VALUES (2+%, 'SRID=3857;POINT Z (1 2 3)', 'SRID=4326;POINT EMPTY', 'POLYGON((0 0,1 0,1 1,0 0))', NULL, '{}')`,
      nulls('places'),
    ],
  },
] // biome-ignore format: rows stay on their lines
