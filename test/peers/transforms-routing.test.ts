/**
 * Goal: the transforms of headers, topics and timestamps, and the predicates, do what Kafka Connect's do. Method: the same generated
 * cases to ours and to Kafka Connect's own classes in one JVM; results, errors of settings and texts of errors are equal. What ours
 * refuses on purpose is listed, and must be refused.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in users' configs
import { beforeAll, describe, expect, test } from 'vitest'
import { findPlugins, type Plugins } from '../../connect/plugins.ts'
import { type Answer, type Case, type CaseRecord, comparable, connectTransforms, ourAnswer, ourDefinitions } from './connect-transforms.ts'

const java = await connectTransforms()
const transforms = 'org.apache.kafka.connect.transforms'
const predicates = `${transforms}.predicates`

let plugins: Plugins
beforeAll(async () => {
  plugins = await findPlugins()
})

const declarationOf = (name: string) => {
  const declaration = plugins.transform(name) ?? plugins.predicate(name)
  if (!declaration) throw new Error(`there is no ${name}`)
  return declaration
}

/** Numbers that look random and are the same in each run. */
function sequence(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

interface Difference {
  config: object
  record?: CaseRecord | undefined
  kafka: unknown
  ours: unknown
}

type Accepted = (kafka: unknown, ours: unknown) => boolean

/** Result by result, so that a difference names its record. */
function differences(cases: readonly Case[], theirs: readonly Answer[], same: (value: Answer) => object, accepted: Accepted): Difference[] {
  return cases.flatMap((one, index): Difference[] => {
    const kafka = same(theirs[index]!) as { results?: unknown[] }
    const ours = same(ourAnswer(declarationOf(one.class), one)) as { results?: unknown[] }
    const equal = (a: unknown, b: unknown) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
    if (equal(kafka, ours)) return []
    if (!kafka.results || !ours.results || !equal({ ...kafka, results: 0 }, { ...ours, results: 0 })) return [{ config: one, kafka, ours }]
    return one.records.flatMap((record, at) =>
      equal(kafka.results![at], ours.results![at]) || accepted(kafka.results![at], ours.results![at])
        ? []
        : [{ config: one.config, record, kafka: kafka.results![at], ours: ours.results![at] }],
    )
  })
}

/**
 * A time that a Date cannot hold is refused; Java's int64 holds more. Kafka's JsonConverter cannot write a Date without a schema; ours
 * writes its number.
 */
const acceptedOfTimes = (kafka: unknown, ours: unknown): boolean =>
  kafka === 'unconvertible' || / is beyond the year 275760/.test((ours as { message?: string } | null)?.message ?? '')

function sorted(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

async function expectSame(cases: readonly Case[], same = comparable, accepted: Accepted = () => false): Promise<void> {
  const found = differences(cases, await java.answers(cases), same, accepted)
  expect(found.map((one) => JSON.stringify(sorted(one)))).toEqual([])
}

const envelope = (schema: unknown, payload: unknown) => JSON.stringify({ schema, payload })
const plain = (payload: unknown) => envelope(null, payload)
const timestampSchema = { type: 'int64', optional: true, name: 'org.apache.kafka.connect.data.Timestamp', version: 1 }
const dateSchema = { type: 'int32', optional: false, name: 'org.apache.kafka.connect.data.Date', version: 1 }
const timeSchema = { type: 'int32', optional: false, name: 'org.apache.kafka.connect.data.Time', version: 1 }

const patterns = [
  'yyyy-MM-dd',
  "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
  "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
  'yyyyMMddHHmmssSSS',
  'yyMMdd',
  'yy-M-d',
  'y-M-d H:m:s',
  'EEE MMM dd HH:mm:ss zzz yyyy',
  'EEEE, d MMMM yyyy hh:mm a',
  'd MMM yy K:mm a',
  'dd/MM/yyyy kk:mm:ss Z',
  'G yyyy D',
  "YYYY-'W'ww-u",
  'yyyy w E',
  'yyyy MM W E',
  'yyyy MM F E',
  'yyyy-DDD',
  'LLLL yyyy',
  'h a',
  'HH X',
  'HHmm XX',
  "''yyyy'' 'o''clock' HH",
  'S',
  'SSSSSS s',
  'MMdd',
  'E',
  'yyyyMMMdd',
  'yyyyyy.MM',
  'Y M d',
  'yyyy-MM-dd HH:mm:ss z',
  'zzzz yyyy',
  'a',
  'G y M d',
]

function times(): number[] {
  const next = sequence(7)
  const edges = [0, -1, 1, 999, -999, 86_399_999, -86_400_000, 951_782_400_000, 1_709_164_800_000, 1_735_603_200_000, 1_704_067_200_000]
  const around = [
    -12_219_292_800_000, -12_219_292_800_001, -62_135_596_800_000, -62_167_219_200_001, -62_200_000_000_000, 253_402_300_800_000,
  ]
  const far = [-200_000_000_000_000, 4_102_444_800_000, 32_503_680_000_000]
  return [...edges, ...around, ...far, ...Array.from({ length: 60 }, () => next(2 ** 31) * 2_000 - next(2 ** 31) * 1_000 + next(1_000))]
}

describe('timestamps', () => {
  const converter = `${transforms}.TimestampConverter$Value`

  test('are written by patterns', async () => {
    const records = times().map((time) => ({ value: envelope(timestampSchema, time) }))
    await expectSame(patterns.map((format) => ({ class: converter, config: { 'target.type': 'string', format }, records })))
  }, 120_000)

  test('are read by patterns', async () => {
    const next = sequence(11)
    const written = patterns.map((format) => ({
      class: converter,
      config: { 'target.type': 'string', format },
      records: times().map((time) => ({ value: envelope(timestampSchema, time) })),
    }))
    const texts = (await java.answers(written)).map(({ results }) =>
      results!.map((result) => JSON.parse((result as { value: string }).value).payload as string),
    )
    const changed = (text: string) => {
      const at = next(text.length + 1)
      const other = '0123456789 -+:/.ZzaAEGMT'[next(24)]!
      return [text.slice(0, at) + text.slice(at + 1), text.slice(0, at) + other + text.slice(at), text.slice(0, at), text.toLowerCase()][
        next(4)
      ]!
    }
    const fixed = ['', ' ', '2024-02-30', '2024-13-45', '24-1-1', '99-1-1', '2024-1-1 25:61:61', ' 2024-01-01', '20240229123456789', '1']
    const zones = [
      '+01:00',
      '-0330',
      '+1',
      'Z',
      'z',
      'GMT+1:30',
      'gmt-01:30',
      'GMT',
      'UTC',
      'EST',
      'PDT',
      'CEST',
      '+24:00',
      '+01:60',
      '+0100',
    ].flatMap((zone) => [
      `2024-03-05T06:07:08.009${zone}`,
      `2024-03-05 06:07:08 ${zone}`,
      `05/03/2024 06:07:08 ${zone}`,
      `06 ${zone}`,
      `0607 ${zone}`,
    ])
    const cases = patterns.map((format, index) => ({
      class: converter,
      config: { 'target.type': 'Timestamp', format },
      records: [...fixed, ...zones, ...texts[index]!, ...texts[index]!.map(changed), ...texts[next(texts.length)]!.slice(0, 10)].map(
        (text) => ({
          value: envelope({ type: 'string', optional: false }, text),
        }),
      ),
    }))
    await expectSame(cases, comparable, acceptedOfTimes)
  }, 120_000)

  test('are converted between all types, with schemas and without', async () => {
    const int64 = { type: 'int64', optional: true }
    const text = { type: 'string', optional: true }
    const values = [
      ...[0, -1, 1_709_618_828_123, -1_500, 9_007_199_254_740_993n, 253_402_300_800_000].map(
        (value) => `{"schema":${JSON.stringify(int64)},"payload":${value}}`,
      ),
      ...[0, 1_709_618_828_123, -1, -86_400_001].map((value) => envelope(timestampSchema, value)),
      ...[0, 19_787, -5].map((value) => envelope(dateSchema, value)),
      ...[0, 86_399_999].map((value) => envelope(timeSchema, value)),
      ...['2024-03-05 06:07:08', 'nonsense', ''].map((value) => envelope(text, value)),
      envelope(text, null),
      envelope(int64, null),
      envelope({ type: 'int32', optional: true }, 5),
      envelope({ type: 'int32', optional: true }, null),
      envelope({ type: 'boolean', optional: true }, true),
      envelope({ type: 'double', optional: true }, 1.5),
      ...[0, 1_709_618_828_123, '2024-03-05 06:07:08', 'x', null, true, 1.5, [1], { a: 1 }].map(plain),
      null,
    ]
    const field = (name: string, of: object, payload: unknown, others: object = {}) =>
      envelope(
        {
          type: 'struct',
          optional: false,
          name: 'S',
          version: 2,
          fields: [
            { field: 'other', type: 'int32', optional: true, default: 7 },
            { field: name, ...of },
          ],
          ...others,
        },
        payload,
      )
    const structs = [
      field('t', timestampSchema, { other: 1, t: 1_709_618_828_123 }),
      field('t', timestampSchema, { other: null, t: null }),
      field('t', { ...timestampSchema, optional: false }, { other: null, t: 5 }),
      field('t', { ...timestampSchema, default: 77 }, { other: null, t: null }),
      field('t', int64, { other: 1, t: 1_709_618_828 }),
      field('t', text, { other: 1, t: '2024-03-05 06:07:08' }),
      field('t', text, { other: 1, t: 'bad' }),
      field('t', { type: 'int32', optional: true }, { other: 1, t: 5 }),
      field('t', { type: 'int32', optional: true }, { other: 1, t: null }),
      field('x', text, { other: 1, x: 'no such field' }),
      field('t', dateSchema, { other: 1, t: 19_787 }, { optional: true }),
      field('t', timestampSchema, null, { optional: true }),
      plain({ t: 1_709_618_828_123, other: 'x' }),
      plain({ t: '2024-03-05 06:07:08' }),
      plain({ t: null }),
      plain({ other: 1 }),
      plain({ t: {} }),
      plain([]),
      envelope({ type: 'string', optional: true }, 'x'),
      envelope({ type: 'string', optional: true }, null),
      envelope({ type: 'map', keys: { type: 'string', optional: false }, values: int64, optional: false }, { t: 1 }),
    ]
    const configs = ['string', 'unix', 'Date', 'Time', 'Timestamp'].flatMap((type) =>
      ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'].map((precision) => ({
        'target.type': type,
        'unix.precision': precision,
        format: 'yyyy-MM-dd HH:mm:ss',
      })),
    )
    const cases: Case[] = configs.flatMap((config): Case[] => [
      { class: converter, config, records: values.map((value) => ({ value })) },
      { class: converter, config: { ...config, field: 't' }, records: structs.map((value) => ({ value })) },
      {
        class: converter,
        config: { ...config, field: 't', 'replace.null.with.default': 'false' },
        records: structs.map((value) => ({ value })),
      },
      {
        class: converter.replace('Value', 'Key'),
        config: { ...config, field: 't' },
        records: structs.map((key) => ({ key, value: plain(1) })),
      },
    ])
    await expectSame(cases, comparable, acceptedOfTimes)
  }, 120_000)

  test('have formats that are valid, or the task does not start', async () => {
    const records = [{ value: envelope(timestampSchema, 0) }]
    const formats = ['', ' ', "'x", 'b', 'XXXX', 'yyyy-MM-ddTHH', "yyyy'T'", 'N', 'dd, yyyy', "''"]
    const cases = ['string', 'unix', 'Date'].flatMap((type) =>
      formats.map((format): Case => ({ class: converter, config: { 'target.type': type, format }, records })),
    )
    // Kafka's text for a pattern that is wrong names the setting and the value the wrong way round.
    await expectSame(cases, (answer) => ({ ...comparable(answer), ...(answer.configure && { configure: 'refused' }) }))
  }, 120_000)

  test('make topics', async () => {
    const records = times().map((timestamp) => ({ topic: 'orders$1', timestamp }))
    const configs: Record<string, string>[] = [
      {},
      { 'timestamp.format': "yyyy'.'MM.dd HH" },
      ...['${topic}', '${timestamp}', 'x', '${topic}${topic}-${timestamp}.$1\\', '${Topic}'].map((format) => ({ 'topic.format': format })),
      { 'topic.format': '' },
    ]
    await expectSame(configs.map((config) => ({ class: `${transforms}.TimestampRouter`, config, records })))
  }, 120_000)
})

describe('topics', () => {
  const topics = ['orders', 'db.public.orders', 'a-b-c', 'ab', 'ORDERS', '_x', 'orders2024', 'a.b', '']
  const regexes = [
    '.*',
    '(.*)',
    '([^.]+)\\.([^.]+)\\.([^.]+)',
    'a|ab',
    '(a)|(b)',
    '(?i)orders',
    '(?<name>[a-z]+)(?<n>\\d*)',
    '(\\w)(\\w)(\\w)(\\w)(\\w)(\\w)(\\w*)(\\d)(\\d)(\\d)(\\d)?',
    'orders?',
    'x*',
    '[a-z&&[a]]',
    '^orders$',
    '.{2,3}',
    '(a)(b)?',
  ]
  const replacements = [
    '$1',
    'new-$1',
    '$1$2$3',
    '$0',
    '\\$1',
    '$10',
    '$11',
    '$',
    '$x',
    '${name}',
    '${name}-${n}',
    '${nope}',
    '${',
    '${1}',
    '${}',
    '\\',
    '',
    'a\\b',
    '$9',
    '${name',
  ]

  test('are replaced', async () => {
    const records = topics.map((topic) => ({ topic, value: plain(1) }))
    const cases = regexes
      .filter((regex) => !regex.includes('&&'))
      .flatMap((regex) =>
        replacements.map((replacement) => ({ class: `${transforms}.RegexRouter`, config: { regex, replacement }, records })),
      )
    await expectSame(cases)
  }, 120_000)

  test('are selected', async () => {
    const records = topics.map((topic) => ({ topic }))
    await expectSame(
      regexes
        .filter((regex) => !regex.includes('&&'))
        .map((pattern) => ({ class: `${predicates}.TopicNameMatches`, config: { pattern }, records })),
    )
  }, 120_000)
})

describe('headers', () => {
  // Kafka's JsonConverter cannot write an empty map that was read from text: its schema has no keys. Ours can.
  const literals = [
    ...[
      '',
      ' ',
      'null',
      'true',
      'FALSE',
      'false ',
      'true}',
      '0',
      '-0',
      '+5',
      '127',
      '128',
      '-128',
      '-129',
      '32768',
      '2147483648',
      '-2147483649',
      '9223372036854775807',
      '9223372036854775808',
    ],
    ...[
      '1.0',
      '1.5',
      '0.1',
      '-2.50',
      '1e3',
      '1e-3',
      '1E400',
      '1e39',
      '3.5e38',
      '1e-400',
      '.5',
      '+.5',
      '5.',
      '1e',
      '1_000',
      '0x10',
      '1,5',
      '123456789012345678901234567890',
      '123456789012345678901234.5',
      '00012',
      '12abc',
      '1 2',
      '--1',
      'NaN',
      'Infinity',
    ],
    ...[
      '2024-03-05',
      '2024-03-05T06:07:08.009Z',
      '06:07:08.009Z',
      '2024-3-5',
      '2024-13-45',
      '06\\:07\\:08.009Z',
      '24:00:00.000Z',
      '2024-03-05T06:07:08Z',
      '2024/03/05',
      '"2024-03-05"',
      '1234567890',
      '0001-01-01',
    ],
    ...[
      '[]',
      '[1]',
      '[1,2,3]',
      '[1,null]',
      '[null]',
      '[1,300]',
      '[1,2.5]',
      '[1,"a"]',
      '["a","b"]',
      '[a]',
      '[1,,2]',
      '[1,]',
      '[1',
      ']',
      '[ 1 , 2 ]',
      '[[1],[2]]',
      '[[1],["a"]]',
      '[true,false]',
      '["2024-03-05"]',
      '[2024-03-05, 2024-03-06]',
      '[06:07:08.009Z]',
      '[1] x',
      '[1,2024-03-05]',
      '[2024-03-05,1]',
      '[9223372036854775807,1.5]',
      '[1e39,1]',
    ],
    ...[
      '{"a":1}',
      '{"a":1,"b":2}',
      '{"a":1,"b":null}',
      '{"a":null}',
      '{"a":1,"b":"x"}',
      '{a:1}',
      '{1:2}',
      '{1:"a",300:"b"}',
      '{"a":}',
      '{"a"}',
      '{,}',
      '{"a":1',
      '{"a":[1,2],"b":[3]}',
      '{"a":{"b":1}}',
      '{ "a" : 1 , "b" : 2 }',
      '{"a":1 "b":2}',
      '{null:1}',
      '{"a":1}}',
      '{"a":300,"b":1}',
    ],
    ...[
      'hello',
      'hello world',
      '"quoted"',
      '"a',
      'a"b',
      'a:b',
      'a,b',
      'a\\,b',
      'x{y}',
      'é',
      '\ud83c\udf89',
      '"\\"x\\""',
      '["a\\"b"]',
      '["a,b"]',
      '[" "]',
      '["a" ]',
      '[ "a" ]',
      '{"a b":" c "}',
      '\t1',
      ' 1',
      '1 ',
      ' [1]',
      ' true',
      '- 5',
      '-',
      '+',
      'nullx',
      '[null,1]',
      '[true,null]',
      '[[],[1]]',
      '[{"a":1},{"a":2}]',
    ],
  ]

  test('are inserted', async () => {
    const records = [{ value: plain(1) }, { value: plain(1), headers: [{ key: 'h', value: plain('x') }] }]
    await expectSame(
      literals.map((literal) => ({ class: `${transforms}.InsertHeader`, config: { header: 'h', 'value.literal': literal }, records })),
    )
  }, 120_000)

  const headers = ['a', 'b', 'a', ''].map((key, index) => ({ key, value: envelope({ type: 'int32', optional: false }, index) }))
  const withHeaders: CaseRecord[] = [
    {},
    { headers },
    { headers: headers.slice(1, 2), value: plain('x') },
    { value: envelope({ type: 'string', optional: true }, null) },
  ]

  test('are dropped', async () => {
    const lists = ['a', 'b', 'a,b', 'c', ' a , b ', 'A']
    await expectSame(lists.map((list) => ({ class: `${transforms}.DropHeaders`, config: { headers: list }, records: withHeaders })))
  }, 120_000)

  test('are looked for', async () => {
    await expectSame([
      ...['a', 'b', 'c', 'A', ' '].map((name) => ({ class: `${predicates}.HasHeaderKey`, config: { name }, records: withHeaders })),
      { class: `${predicates}.RecordIsTombstone`, config: {}, records: withHeaders },
      { class: `${transforms}.Filter`, config: {}, records: withHeaders },
    ])
  }, 120_000)

  test('are taken from fields', async () => {
    const fields = [
      { field: 'a', type: 'int32', optional: false },
      { field: 'b', type: 'string', optional: true, default: 'x' },
      { field: 'c', ...timestampSchema },
      { field: 'd', type: 'int64', optional: true, default: 9 },
      { field: 'e', type: 'struct', optional: true, fields: [{ field: 'f', type: 'boolean', optional: false }] },
      { field: 'g', type: 'array', items: { type: 'string', optional: false }, optional: true },
    ]
    const schema = { type: 'struct', optional: true, name: 'S', version: 3, doc: 'd', parameters: { p: 'q' }, fields }
    const bodies = [
      envelope(schema, { a: 1, b: 'y', c: 5, d: 6, e: { f: true }, g: ['z'] }),
      envelope(schema, { a: 1, b: null, c: null, d: 6, e: null, g: null }),
      envelope(schema, { a: 1, b: null, c: null, d: null, e: null, g: [] }),
      envelope(schema, null),
      envelope({ type: 'string', optional: false }, 'x'),
      plain({ a: 1, b: 'y', c: null, d: [1], e: { f: 1 } }),
      plain({}),
      plain('x'),
      plain(null),
      null,
    ]
    const lists = [
      ['a', 'x'],
      ['b', 'x'],
      ['a,b', 'x,y'],
      ['c,d', 'x,x2'],
      ['d,b,a', 'x,y,z'],
      ['e,g', 'x,y'],
    ]
    const cases = lists.flatMap(([from, to]) =>
      ['move', 'copy'].flatMap((operation) =>
        ['true', 'false'].flatMap((replace) =>
          ['Key', 'Value'].map(
            (side): Case => ({
              class: `${transforms}.HeaderFrom$${side}`,
              config: { fields: from!, headers: to!, operation, 'replace.null.with.default': replace },
              records: bodies.map((body) => (side === 'Key' ? { key: body, headers: headers.slice(0, 1) } : { value: body })),
            }),
          ),
        ),
      ),
    )
    await expectSame(cases)
  }, 120_000)
})

describe('settings', () => {
  const classes = [
    ...[
      'DropHeaders',
      'Filter',
      'HeaderFrom$Key',
      'HeaderFrom$Value',
      'InsertHeader',
      'RegexRouter',
      'TimestampConverter$Key',
      'TimestampConverter$Value',
      'TimestampRouter',
    ].map((name) => `${transforms}.${name}`),
    ...['HasHeaderKey', 'RecordIsTombstone', 'TopicNameMatches'].map((name) => `${predicates}.${name}`),
  ]

  test.each(classes)(
    '%s declares them',
    async (name) => {
      expect(ourDefinitions(declarationOf(name))).toEqual(await java.definitions(name))
    },
    60_000,
  )

  test('are refused with the same texts', async () => {
    const cases: Case[] = [
      ['DropHeaders', {}],
      ['DropHeaders', { headers: '' }],
      ['DropHeaders', { headers: 'a,,b' }],
      ['DropHeaders', { headers: 'a,a' }],
      ['DropHeaders', { headers: ',' }],
      ['HeaderFrom$Value', {}],
      ['HeaderFrom$Value', { fields: '', headers: '', operation: 'copy' }],
      ['HeaderFrom$Value', { fields: 'a,b', headers: 'x', operation: 'copy' }],
      ['HeaderFrom$Value', { fields: 'a,a', headers: 'x,y', operation: 'copy' }],
      ['HeaderFrom$Value', { fields: 'a,b', headers: 'x,x', operation: 'copy' }],
      ['HeaderFrom$Value', { fields: 'a', headers: 'x', operation: 'Copy' }],
      ['HeaderFrom$Value', { fields: 'a', headers: 'x', operation: 'copy', 'replace.null.with.default': 'maybe' }],
      ['InsertHeader', {}],
      ['InsertHeader', { header: 'a' }],
      ['RegexRouter', {}],
      ['RegexRouter', { regex: 'a' }],
      ['TimestampConverter$Value', {}],
      ['TimestampConverter$Value', { 'target.type': 'STRING' }],
      ['TimestampConverter$Value', { 'target.type': 'unix', 'unix.precision': 'Seconds' }],
      ['predicates.HasHeaderKey', {}],
      ['predicates.HasHeaderKey', { name: '' }],
      ['predicates.TopicNameMatches', {}],
      ['predicates.TopicNameMatches', { pattern: '' }],
    ].map(([name, config]) => ({ class: `${transforms}.${name}`, config: config as Record<string, string>, records: [] }))
    // A task never starts with settings that are invalid.
    await expectSame(cases, ({ invalid, ...rest }) => comparable({ invalid, ...(Object.keys(invalid).length === 0 && rest) }))
  }, 60_000)

  test('a pattern that Kafka refuses is refused, and one that only Java can match says so', async () => {
    const cases: Case[] = ['[', '(', '*a', '(?<name', 'a{2,1}', '(?=a)b', '(a)\\1', '(?<!x)a', 'a*+'].map((pattern) => ({
      class: `${predicates}.TopicNameMatches`,
      config: { pattern },
      records: [],
    }))
    const theirs = await java.answers(cases)
    for (const [index, one] of cases.entries()) {
      const ours = ourAnswer(declarationOf(one.class), one).invalid.pattern?.[0]
      expect(ours).toMatch(`Invalid value ${one.config.pattern} for configuration pattern: Invalid regex: `)
      if (index < 5) expect(theirs[index]!.invalid.pattern?.[0]).toMatch('Invalid regex: ')
      else expect(ours).toMatch('are not supported')
    }
  }, 60_000)
})
