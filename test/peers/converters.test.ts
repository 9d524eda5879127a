/**
 * Goal: the converters write the bytes and read the values that Kafka Connect's do. Method: the same values, as envelopes of
 * JsonConverter, and the same bytes are given to Kafka Connect's classes in a JVM and to ours. Where ours differs on purpose the case says
 * so.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { beforeAll, expect, test } from 'vitest'
import { findPlugins, type Plugins } from '../../connect/plugins.ts'
import { type Converter, parseSettings, type SchemaAndValue } from '../../connect/sdk/index.ts'
import { javaProgram } from './java-program.ts'
import { kafkaClassPath } from './maven-jars.ts'

interface Case {
  class: string
  config?: Readonly<Record<string, string>>
  header?: boolean
  write?: readonly string[]
  read?: readonly (string | null)[]
}

interface Failure {
  exception: string
}
type Result = string | null | Failure | { unreadable: Failure } | { unconvertible: Failure }
interface Answer {
  configure?: Failure
  writes?: Result[]
  reads?: Result[]
}

const connect = 'org.apache.kafka.connect'
const json = `${connect}.json.JsonConverter`
const strings = `${connect}.storage.StringConverter`
const headers = `${connect}.storage.SimpleHeaderConverter`
const bytes = (text: string) => Buffer.from(text).toString('base64')

/** An envelope; the payload is JSON text, so that numbers have the digits that are meant. */
const enveloped = (schema: string, payload: string) => `{"schema":${schema},"payload":${payload}}`
const typed = (type: string, ...payloads: readonly string[]) =>
  payloads.map((payload) => enveloped(`{"type":"${type}","optional":true}`, payload))
const logical = (name: string, type: string, payload: string, parameters = '') =>
  enveloped(`{"type":"${type}","optional":true,"name":"${connect}.data.${name}","version":1${parameters}}`, payload)
const decimal = (scale: number, payload: string) => logical('Decimal', 'bytes', payload, `,"parameters":{"scale":"${scale}"}`)
const struct = (fields: string, payload: string) => enveloped(`{"type":"struct","optional":true,"fields":[${fields}]}`, payload)

const floats = [
  '0',
  '-0.0',
  '1',
  '100',
  '100.0',
  '1.5',
  '0.1',
  '3.4E38',
  '5.0E9',
  '9999999',
  '10000000',
  '12345678',
  '0.001',
  '0.0009',
  '1e-10',
  '-1e21',
  '16777217',
]
const scalars = [
  ...typed('float', ...floats, '1.2E-38'),
  ...typed('double', ...floats, '3.4028234663852886E38', '1.7976931348623157E308', '4.9E-324'),
  ...['NaN', 'Infinity', '-Infinity'].flatMap((word) => [...typed('float', `"${word}"`), ...typed('double', `"${word}"`)]),
  ...typed('int8', '-128', '127', 'null'),
  ...typed('int16', '-32768', '5'),
  ...typed('int32', '2147483647', '-1'),
  ...typed('int64', '9223372036854775807', '-9223372036854775808', '9007199254740993', '0'),
  ...typed('boolean', 'true', 'false'),
  ...typed('string', '""', '"text"', '"€ 🎉 \\u0001\\n\\"\\\\/"', '"null"', '"[1]"', 'null'),
  ...typed('bytes', '""', '"aGk="', '"//79"'),
]
const logicals = [
  logical('Date', 'int32', '0'),
  logical('Date', 'int32', '19787'),
  logical('Date', 'int32', '-1'),
  logical('Time', 'int32', '3723004'),
  logical('Timestamp', 'int64', '1709618828123'),
  logical('Timestamp', 'int64', '1709596800000'),
  logical('Timestamp', 'int64', '1709618828000'),
]
const decimals = [
  decimal(0, '5'),
  decimal(0, '-123456789012345678901234567890'),
  decimal(2, '"AJY="'),
  decimal(2, '1.50'),
  decimal(3, '0.001'),
  decimal(10, '"AQ=="'),
  decimal(-2, '"BQ=="'),
]
const ownScale = [
  decimal(2, '1.5'),
  decimal(2, '12'),
  decimal(2, '12.345'),
  decimal(0, '1E+3'),
  decimal(2, '100'),
  decimal(8, '0.00000001'),
]
const containers = [
  enveloped('{"type":"array","items":{"type":"int32"}}', '[1,2,3]'),
  enveloped('{"type":"array","items":{"type":"string","optional":true}}', '["a",null,"b \\"q\\""]'),
  enveloped('{"type":"array","items":{"type":"double"}}', '[1,2.5,1e10]'),
  enveloped('{"type":"map","keys":{"type":"string"},"values":{"type":"float"}}', '{"a":1,"b":0.1}'),
  enveloped('{"type":"map","keys":{"type":"int32"},"values":{"type":"string"}}', '[[1,"one"],[2,"two"]]'),
  enveloped('{"type":"array","items":{"type":"array","items":{"type":"boolean"}}}', '[[true],[]]'),
]
const structs = [
  struct(
    '{"field":"a","type":"int32"},{"field":"b","type":"string","optional":true},{"field":"c","type":"double","optional":true}',
    '{"a":1,"b":null,"c":2}',
  ),
  struct(
    '{"field":"s","type":"struct","fields":[{"field":"x","type":"float"}]},{"field":"l","type":"array","items":{"type":"int8"}}',
    '{"s":{"x":1},"l":[1,2]}',
  ),
]
const schemaless = [
  'null',
  '1',
  '1.5',
  '"text"',
  'true',
  '[1,"a",null]',
  '{"a":1,"b":[2.5],"c":{"d":null}}',
  '1e21',
  '123456789.5',
  '0.00001',
].map((payload) => enveloped('null', payload))

const texts = [
  '',
  'null',
  'true',
  'false',
  'TRUE',
  '1',
  '127',
  '128',
  '-129',
  '32768',
  '2147483648',
  '9223372036854775807',
  '9223372036854775808',
  '1.5',
  '1e3',
  '.5',
  '1e400',
  '3.4028235E38',
  '3.5E38',
  'text',
  '"quoted"',
  "'single'",
  '[1,2,3]',
  '[1,"a"]',
  '[1,null]',
  '[]',
  '{}',
  '{"a":1}',
  '{"a":"b","c":[1]}',
  '{1:2}',
  '[1.5,2]',
  '[1',
  '{"a"}',
  '2024-03-05',
  '06:07:08.123Z',
  '2024-03-05T06:07:08.123Z',
  '2024-13-05',
  '[2024-03-05]',
  ' 1 ',
  'a\\,b',
  '€🎉',
  '+5',
  '00012',
  'NaN',
  'Infinity',
  '0x10',
  '1_000',
  '[true,false]',
  '["2024-03-05T06:07:08.123Z"]',
  '{"k":"2024-03-05"}',
  '  ',
  'a b',
  ':',
  '[[1],[2]]',
  '[{"a":1}]',
  '-',
  '1.',
  '--1',
]

const charsets = [
  'UTF-8',
  'utf8',
  'US-ASCII',
  'ASCII',
  'ISO-8859-1',
  'latin1',
  'ISO_8859_1',
  'ISO-8859-2',
  'ISO-8859-5',
  'ISO-8859-7',
  'ISO-8859-9',
  'ISO-8859-15',
  'windows-1250',
  'windows-1251',
  'Cp1252',
  'windows-1252',
  'windows-1253',
  'windows-1254',
  'windows-1257',
  'KOI8-R',
  'KOI8-U',
  'IBM866',
  'UTF-16',
  'UTF-16BE',
  'UTF-16LE',
  'UTF-32',
  'UTF-32BE',
  'UTF-32LE',
  'Shift_JIS',
  'EUC-JP',
  'EUC-KR',
  'GBK',
  'GB18030',
  'Big5',
  'no-such-charset',
  '',
  'latin 1',
]
const words = [
  '"plain ASCII"',
  '"Grüße, Ünïcödé ß"',
  '"€uro"',
  '"Привет"',
  '"Γειά"',
  '"zażółć gęślą"',
  '"日本語テキスト"',
  '"中文简体"',
  '"한국어"',
  '"🎉 x"',
  '"\\u0085\\u00a0"',
  '"\\ud800 lone"',
  '""',
].flatMap((word) => typed('string', word))
const byteSamples = [
  null,
  '',
  bytes('plain'),
  bytes('Grüße'),
  Buffer.from([0xe4, 0xf6, 0xfc, 0x80, 0x9f, 0xa4]).toString('base64'),
  Buffer.from([0xfe, 0xff, 0, 0x41, 0x20, 0xac]).toString('base64'),
  Buffer.from([0xff, 0xfe, 0x41, 0, 0xac, 0x20]).toString('base64'),
  Buffer.from([0, 0x41, 0x20, 0xac]).toString('base64'),
  Buffer.from([0, 0, 0, 0x41]).toString('base64'),
  Buffer.from([0xc3, 0x28, 0xf0, 0x9f]).toString('base64'),
]
const primitives = [
  null,
  '',
  'AA==',
  'AQ==',
  'Ag==',
  'AAE=',
  '/////w==',
  'P4AAAA==',
  'f8AAAA==',
  'AAAAAAAAAAE=',
  'P/AAAAAAAAA=',
  'f/AAAAAAAAA=',
  'AAAAAAAAAAAB',
]

/** JSON at the edge of what a reader takes, as bytes. */
const edges: readonly Buffer[] = [
  ...[
    '-0',
    '-0.0',
    '0.1e1',
    '1E5',
    '1e5',
    '1e400',
    '-1e400',
    '1e-400',
    '1.0',
    '1.50',
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
    '[9007199254740993,9007199254740992,9.007199254740993e15]',
    '9007199254740993.0',
    '9223372036854775807',
    '0.1234567890123456789',
    '123456789.123456789123456789',
    '{"9007199254740993":"9007199254740993, 9007199254740993"}',
    '{"__proto__":9007199254740993,"constructor":{"__proto__":[1]}}',
    '{"toJSON":1,"rawJSON":"2","hasOwnProperty":null}',
    '{"a":1,"a":{"b":9007199254740993}}',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83c\\udf89 \\/ \\b\\f\\n\\r\\t"',
    '"\\u0000"',
    '"a\nb"',
    '"\\x"',
    '01',
    '-01',
    '{"a":[007,-00.5,0e1],"007":"007"}',
    '00',
    '+1',
    '.5',
    '1.',
    '1e',
    '0x1',
    'NaN',
    'Infinity',
    "'a'",
    '[1,]',
    '{"a":1,}',
    '/* c */ 1',
    '\ufeff{"a":1}',
    '\ufeff',
    '[1\u00a0]',
    'tru',
    '"',
    '[',
    ']',
    '',
    ...[500, 1000, 1001, 5000].flatMap((depth) => [
      `${'['.repeat(depth)}${']'.repeat(depth)}`,
      `${'{"a":'.repeat(depth)}9007199254740993${'}'.repeat(depth)}`,
    ]),
    '9'.repeat(1001),
    `0.${'9'.repeat(1001)}`,
    `{"${'n'.repeat(50_001)}":1}`,
  ].map((text) => Buffer.from(text)),
  ...['7b2261223a22ff227d', '22eda08022', '22c022', '22c3', '22c32822', '22f09f8e8922', '22f09f8e22', '22c08022', '00', '2200'].map((hex) =>
    Buffer.from(hex, 'hex'),
  ),
]

const cases: Case[] = [
  { class: json, config: { 'schemas.enable': 'false' }, read: edges.map((edge) => edge.toString('base64')) },
  { class: json, write: [...scalars, ...logicals, ...decimals, ...containers, ...structs, ...schemaless] },
  {
    class: json,
    config: { 'schemas.enable': 'false' },
    write: [...scalars, ...logicals, ...decimals, ...containers, ...structs, ...schemaless],
  },
  { class: json, config: { 'decimal.format': 'NUMERIC' }, write: [...decimals, ...ownScale] },
  { class: json, config: { 'decimal.format': 'numeric' }, write: decimals },
  {
    class: json,
    read: [null, '', ...[...scalars, ...logicals, ...decimals, ...ownScale, ...containers, ...structs, ...schemaless].map(bytes)].concat(
      [
        '{',
        '{}',
        '[]',
        '{"schema":null}',
        '{"schema":{"type":"int8"},"payload":1,"more":2}',
        ' {"payload":1,"schema":{"type":"int8"}} ',
        '5',
      ].map(bytes),
    ),
  },
  {
    class: json,
    config: { 'schemas.enable': 'false' },
    read: [null, '', ...['1', '1.5', '"a"', '[1]', '{"a":{"b":null}}', 'nul', '1 2', '{"a":1,"a":2}', ' '].map(bytes)],
  },
  { class: json, config: { 'schema.content': '{"type":"int32"}' }, read: [null, '', ...['1', '"a"', 'null'].map(bytes)] },
  {
    class: strings,
    write: [...scalars, ...logicals, ...decimals, ...ownScale, ...containers, ...structs, ...schemaless].filter(
      (text) => !text.includes('"bytes"') || text.includes('Decimal'),
    ),
  },
  ...charsets.map((charset) => ({ class: strings, config: { 'converter.encoding': charset }, write: words, read: byteSamples })),
  {
    class: headers,
    header: true,
    write: [...scalars, ...logicals, ...decimals, ...containers, ...schemaless],
    read: [null, ...texts.map(bytes)],
  },
  { class: strings, header: true, write: scalars.slice(0, 30), read: texts.map(bytes) },
  ...['Boolean', 'Short', 'Integer', 'Long', 'Float', 'Double', 'ByteArray'].map((name) => ({
    class: `${connect}.converters.${name}Converter`,
    write: [...scalars, ...containers, ...schemaless.slice(0, 5)],
    read: primitives,
  })),
]

/** Where ours differs on purpose, with the reason. */
const differs: readonly { reason: string; matches(one: Case, input: string | null, theirs: Result, ours: Result): boolean }[] = [
  {
    reason: 'Kafka Connect reads a text where a number is expected as 0: ours reads NaN and infinity, and refuses the others',
    matches: (one, input) =>
      /"(NaN|-?Infinity)"/.test(plain(one, input)) || (one.config?.['schema.content'] !== undefined && /^$|"a"/.test(plain(one, input))),
  },
  {
    reason: 'Decimals are kept as digits, which have no negative scale of their own',
    matches: (_, input) => /1E\+3/.test(plain(_, input)),
  },
  {
    reason: 'Without a schema a number has no type: a whole one is written without a point',
    matches: (_, input) => /^(-0\.0|0\.1e1|1[eE]5|1e-400|1\.0|\{"a":\[007,-00\.5,0e1\],"007":"007"\})$/.test(plain(_, input)),
  },
  {
    reason: 'The fields of an object keep their order',
    matches: (_, input) => plain(_, input).startsWith('{"toJSON":1,'),
  },
  {
    reason: 'What is read may be written, though the envelope nests it deeper',
    matches: (_, input, theirs) => /^(\[{1000}\]|(\{"a":){1000}9)/.test(plain(_, input)) && 'unconvertible' in (theirs as object),
  },
  {
    reason: 'Numbers have as many digits and names as many characters as there are',
    matches: (_, input) => /^(0\.)?9{1001}$|n{50001}/.test(plain(_, input)),
  },
  {
    reason: 'Bytes that Java alone has for the character 0 are refused',
    matches: (_, input) => input === Buffer.from('22c08022', 'hex').toString('base64'),
  },
  { reason: 'What follows a JSON value is refused', matches: (one, input) => one.class === json && plain(one, input) === '1 2' },
  {
    reason: 'Without a schema a number has no type: it is written where it fits',
    matches: (one, input, theirs) =>
      /converters\.(Short|Integer|Float|Double)/.test(one.class) && /"schema":null/.test(input ?? '') && isFailure(theirs),
  },
  {
    reason: 'Null is written as null, whatever the schema says',
    matches: (one, input, theirs, ours) =>
      /BooleanConverter/.test(one.class) && /"payload":null/.test(input ?? '') && isFailure(theirs) && ours === null,
  },
  {
    reason: 'A date before 1970 keeps its day in a header',
    matches: (one, input, theirs) => one.class === headers && /data\.Date.*:-1}/.test(input ?? '') && theirs === bytes('00:00:00.000Z'),
  },
  {
    reason: 'Kafka Connect fails with a null pointer where a header has the text null or {}',
    matches: (one, input, theirs) => one.class === headers && ['null', '{}'].includes(plain(one, input)) && isFailure(theirs),
  },
  {
    reason: 'In a charset of several bytes, bytes that are none of its become fewer or more replacement characters',
    matches: (one, input, theirs, ours) =>
      /Shift_JIS|EUC-KR|GBK/.test(one.config?.['converter.encoding'] ?? '') &&
      byteSamples.includes(input) &&
      `${theirs}`.includes('\ufffd') &&
      typeof ours === 'string',
  },
  {
    reason: 'Charsets that Node has otherwise than Java are refused',
    matches: (one, input, theirs, ours) =>
      input === null &&
      theirs === null &&
      isFailure(ours) &&
      ['EUC-JP', 'Big5', 'GB18030'].includes(one.config?.['converter.encoding'] ?? ''),
  },
]

const isFailure = (result: Result): boolean => typeof result === 'object' && result !== null
/** A case's input as text. */
const plain = (one: Case, input: string | null): string =>
  input !== null && one.read?.includes(input) && !one.write?.includes(input) ? Buffer.from(input, 'base64').toString() : (input ?? '')

let plugins: Plugins
const program = await javaProgram('converters', kafkaClassPath())

beforeAll(async () => {
  plugins = await findPlugins()
})

async function askKafka(): Promise<Answer[]> {
  const child = spawn(program.command, program.args(), { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(cases.map((one) => `${JSON.stringify({ config: {}, ...one })}\n`).join(''))
  const answers: Answer[] = []
  for await (const line of createInterface({ input: child.stdout })) answers.push(JSON.parse(line) as Answer)
  return answers
}

const failure = (error: unknown): Failure => ({ exception: (error as Error).name })
const envelopes = () => {
  const declaration = plugins.converter(json)!
  return declaration.create(
    parseSettings(declaration.settings, { 'replace.null.with.default': 'false', 'decimal.format': 'NUMERIC' }),
    false,
  )
}

function askUs(one: Case): Answer {
  const declaration = one.header ? plugins.headerConverter(one.class)! : plugins.converter(one.class)!
  let converter: Converter
  try {
    converter = declaration.create(
      parseSettings(declaration.settings, { 'converter.type': one.header ? 'header' : 'value', ...one.config }),
      false,
    )
  } catch (error) {
    return { configure: failure(error) }
  }
  const envelope = envelopes()
  const written = (text: string): Result => {
    let value: SchemaAndValue
    try {
      value = envelope.toConnect('topic', Buffer.from(text))
    } catch (error) {
      return { unreadable: failure(error) }
    }
    try {
      return converter.fromConnect('topic', value.schema, value.value)?.toString('base64') ?? null
    } catch (error) {
      return failure(error)
    }
  }
  const read = (base64: string | null): Result => {
    let value: SchemaAndValue
    try {
      value = converter.toConnect('topic', base64 === null ? null : Buffer.from(base64, 'base64'))
    } catch (error) {
      return failure(error)
    }
    try {
      return envelope.fromConnect('topic', value.schema, value.value)?.toString() ?? null
    } catch (error) {
      return { unconvertible: failure(error) }
    }
  }
  return { writes: (one.write ?? []).map(written), reads: (one.read ?? []).map(read) }
}

/** Failures are alike, whatever their class and message. */
const comparable = (result: Result | undefined): string =>
  typeof result === 'object' && result !== null ? `failure${'exception' in result ? '' : ` ${Object.keys(result)}`}` : `${result}`

test('converters write the same bytes and read the same values', async () => {
  const theirs = await askKafka()
  expect(theirs).toHaveLength(cases.length)
  const differences: string[] = []
  const used = new Set<string>()
  for (const [index, one] of cases.entries()) {
    const [their, our] = [theirs[index]!, askUs(one)]
    const compare = (what: string, input: string | null, a: Result | undefined, b: Result | undefined) => {
      if (comparable(a) === comparable(b)) return
      const known = differs.find(({ matches }) => matches(one, input, a ?? null, b ?? null))
      if (known) used.add(known.reason)
      else {
        const shown = (result: Result | undefined) =>
          what === 'write' && typeof result === 'string'
            ? JSON.stringify(Buffer.from(result, 'base64').toString('latin1'))
            : JSON.stringify(result)
        differences.push(
          `${one.class.split('.').at(-1)} ${JSON.stringify(one.config ?? {})} ${what} ${what === 'read' && input !== null ? Buffer.from(input, 'base64').toString('latin1') : input}\n  theirs ${shown(a)}\n  ours   ${shown(b)}`,
        )
      }
    }
    compare('configure', null, their.configure, our.configure)
    if (their.configure || our.configure) continue
    for (const [at, input] of (one.write ?? []).entries()) compare('write', input, their.writes?.[at], our.writes?.[at])
    for (const [at, input] of (one.read ?? []).entries()) compare('read', input, their.reads?.[at], our.reads?.[at])
  }
  expect(differences).toEqual([])
  expect(differs.filter(({ reason }) => !used.has(reason))).toEqual([])
}, 120_000)
