/**
 * Goal: the folders of objects are those of Confluent's partitioners, in all time zones and around changes of clocks. Method: the examples
 * of Confluent's documentation and of Joda-Time's, records with and without a schema, and times around changes of clocks.
 */
import { describe, expect, test } from 'vitest'
import { sinkRecord } from '../../../connect/contract/index.ts'
import { parseSettings, type SinkRecord, schemas } from '../../../connect/sdk/index.ts'
import { zoneOffset } from '../../../connect/sdk/zone-offset.ts'
import { sinkOptions } from '../../../connectors/s3-sink/config-options.ts'
import { jodaFormat } from '../../../connectors/s3-sink/joda-format.ts'
import { objectName } from '../../../connectors/s3-sink/object-name.ts'
import { nextScheduled } from '../../../connectors/s3-sink/schedule.ts'
import { settings } from '../../../connectors/s3-sink/settings.ts'

const STORAGE = 'io.confluent.connect.storage.partitioner'
const options = (config: Record<string, string>) =>
  sinkOptions(
    parseSettings(settings, {
      's3.bucket.name': 'bucket',
      'format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
      'flush.size': '3',
      ...config,
    }),
  )
const NOW = Date.UTC(2026, 0, 1)
const record = (parts: Partial<SinkRecord> = {}) =>
  sinkRecord({ topic: 'coyote-testing-avro', partition: 0, offset: 0, value: {}, ...parts })
const folder = (config: Record<string, string>, parts: Partial<SinkRecord> = {}) =>
  options(config).partitioner.encodedPartition(record(parts), NOW)
const hourly = (timezone: string) => ({
  'partitioner.class': `${STORAGE}.HourlyPartitioner`,
  locale: 'en-US',
  timezone,
  'timestamp.extractor': 'Record',
})
const at = (time: string) => ({ timestamp: Date.parse(time) })

describe('the name of an object', () => {
  test('is that of the documentation', () => {
    const { naming } = options({})
    expect(objectName(naming, 'partition=0', record({ topic: 's3_topic', offset: 3 }))).toBe(
      'topics/s3_topic/partition=0/s3_topic+0+0000000003',
    )
  })

  test('has the delimiters, digits and folder of the settings', () => {
    const { naming } = options({ 'topics.dir': '', 'directory.delim': '_', 'file.delim': '-', 'filename.offset.zero.pad.width': '3' })
    expect(objectName(naming, 'partition=1', record({ topic: 't', partition: 1, offset: 12345 }))).toBe('t_partition=1_t-1-12345')
    expect(objectName(naming, 'p', record({ topic: 't', offset: 4 }))).toBe('t_p_t-0-004')
  })
})

describe('by partition', () => {
  test('is the default', () => expect(folder({}, { partition: 7 })).toBe('partition=7'))
})

describe('by fields', () => {
  const by = (names: string) => ({ 'partitioner.class': `${STORAGE}.FieldPartitioner`, 'partition.field.name': names })
  const schema = schemas.struct({
    state: schemas.string(),
    year: schemas.int32(),
    active: schemas.boolean(),
    price: schemas.float64(),
    nested: schemas.struct({ id: schemas.int64() }),
    maybe: schemas.string({ optional: true }),
  })
  const value = { state: 'TX', year: 2026, active: true, price: 1.5, nested: { id: 2n ** 60n }, maybe: null }

  test('takes texts, whole numbers, booleans, fields of structs and nulls', () => {
    const expected = 'state=TX/year=2026/active=true/nested.id=1152921504606846976/maybe=null'
    expect(folder(by('state,year,active,nested.id,maybe'), { value, valueSchema: schema })).toBe(expected)
    expect(folder(by('state,year,active,nested.id,maybe,none'), { value })).toBe(`${expected}/none=null`)
  })

  test('takes the default of a field that is null', () => {
    const withDefault = schemas.struct({ state: schemas.string({ optional: true, default: 'none' }) })
    expect(folder(by('state'), { value: { state: null }, valueSchema: withDefault })).toBe('state=none')
  })

  test('refuses other types, and fields that the schema has not', () => {
    expect(() => folder(by('price'), { value, valueSchema: schema })).toThrow('its field price is of type float64')
    expect(() => folder(by('none'), { value, valueSchema: schema })).toThrow('its schema has no field none')
    expect(() => folder(by('state'), { value: 'text' })).toThrow('its value has no fields')
    expect(() => folder(by('price'), { value })).toThrow('takes texts, whole numbers and booleans')
  })
})

describe('by time', () => {
  test.each([
    ['Daily', 'year=2015/month=12/day=07'],
    ['Hourly', 'year=2015/month=12/day=07/hour=15'],
  ])('%sPartitioner', (name, expected) => {
    expect(folder({ ...hourly('UTC'), 'partitioner.class': `${STORAGE}.${name}Partitioner` }, at('2015-12-07T15:59:59.999Z'))).toBe(
      expected,
    )
  })

  test('TimeBasedPartitioner cuts the time to the duration, and leaves out a last delimiter', () => {
    const config = {
      ...hourly('UTC'),
      'partitioner.class': `${STORAGE}.TimeBasedPartitioner`,
      'partition.duration.ms': '600000',
      'path.format': "'dt'=yyyy-MM-dd/'at'=HH.mm.ss/",
    }
    expect(folder(config, at('2026-03-04T05:39:59Z'))).toBe('dt=2026-03-04/at=05.30.00')
  })

  test.each([
    // Clocks go forward from 02:00 to 03:00, and back from 03:00 to 02:00.
    ['Europe/Paris', '2026-03-29T00:59:59Z', 'day=29/hour=01'],
    ['Europe/Paris', '2026-03-29T01:00:00Z', 'day=29/hour=03'],
    ['Europe/Paris', '2026-10-25T00:30:00Z', 'day=25/hour=02'],
    ['Europe/Paris', '2026-10-25T01:30:00Z', 'day=25/hour=02'],
    ['Europe/Paris', '2026-10-25T02:00:00Z', 'day=25/hour=03'],
    ['America/Los_Angeles', '2026-03-08T09:59:59Z', 'day=08/hour=01'],
    ['America/Los_Angeles', '2026-03-08T10:00:00Z', 'day=08/hour=03'],
    ['America/Los_Angeles', '2026-11-01T08:30:00Z', 'day=01/hour=01'],
    ['America/Los_Angeles', '2026-11-01T09:30:00Z', 'day=01/hour=01'],
    ['America/Los_Angeles', '2026-11-01T10:00:00Z', 'day=01/hour=02'],
    ['Asia/Kolkata', '2026-06-01T18:29:59Z', 'day=01/hour=23'],
    ['Asia/Kolkata', '2026-06-01T18:30:00Z', 'day=02/hour=00'],
    ['+05:45', '2026-06-01T18:15:00Z', 'day=02/hour=00'],
    ['-03:30', '2026-06-01T03:29:59Z', 'day=31/hour=23'],
  ])('in %s at %s', (zone, time, expected) => {
    expect(folder(hourly(zone), at(time))).toMatch(new RegExp(`${expected}$`))
  })

  test('a day begins at the local midnight also on the days of changes of clocks', () => {
    const daily = { ...hourly('America/New_York'), 'partitioner.class': `${STORAGE}.DailyPartitioner` }
    expect(folder(daily, at('2026-03-08T04:59:59Z'))).toBe('year=2026/month=03/day=07')
    expect(folder(daily, at('2026-03-08T05:00:00Z'))).toBe('year=2026/month=03/day=08')
    expect(folder(daily, at('2026-11-02T04:59:59Z'))).toBe('year=2026/month=11/day=01')
    expect(folder(daily, at('2026-11-02T05:00:00Z'))).toBe('year=2026/month=11/day=02')
  })

  test('takes the time of the machine, of the record, or of a field', () => {
    const config = (extractor: string) => ({ ...hourly('UTC'), 'timestamp.extractor': extractor, 'timestamp.field': 'made.at' })
    expect(folder(config('Wallclock'))).toBe('year=2026/month=01/day=01/hour=00')
    expect(() => folder(config('Record'), { timestamp: null })).toThrow('it has no timestamp')
    const values = [
      [1_449_500_399_999, 'year=2015/month=12/day=07/hour=14'],
      ['1449500399999', 'year=2015/month=12/day=07/hour=14'],
      [new Date(1_449_500_399_999), 'year=2015/month=12/day=07/hour=14'],
      ['2015-12-07T14:59:59.999Z', 'year=2015/month=12/day=07/hour=14'],
      ['2015-12-07T14:59:59.999+02:00', 'year=2015/month=12/day=07/hour=12'],
      ['2015-12-07T14:59:59.999+0200', 'year=2015/month=12/day=07/hour=12'],
      ['2015-12-07T14:59', 'year=2015/month=12/day=07/hour=14'],
      ['2015-12-07T14', 'year=2015/month=12/day=07/hour=14'],
      ['2015-12-07', 'year=2015/month=12/day=07/hour=00'],
    ] as const
    for (const [value, expected] of values)
      expect(folder(config('RecordField'), { value: { made: { at: value } } }), String(value)).toBe(expected)
    for (const value of ['yesterday', null, {}, true, '2015-13-01'])
      expect(() => folder(config('RecordField'), { value: { made: { at: value } } }), String(value)).toThrow('its field made.at is no time')
  })

  test('of a record without a value is the folder of tombstones', () => {
    const config = {
      ...hourly('UTC'),
      'timestamp.extractor': 'RecordField',
      'behavior.on.null.values': 'write',
      'store.kafka.keys': 'true',
    }
    expect(folder(config, { value: null })).toBe('tombstone')
  })
})

test('the name of the schema is a folder before or behind the others', () => {
  const named = { valueSchema: schemas.struct({}, { name: 'com.acme.Order' }) }
  expect(folder({ 's3.schema.partition.affix.type': 'PREFIX' }, named)).toBe('schema_name=com.acme.Order/partition=0')
  expect(folder({ 's3.schema.partition.affix.type': 'SUFFIX' }, named)).toBe('partition=0/schema_name=com.acme.Order')
  expect(folder({ 's3.schema.partition.affix.type': 'SUFFIX' })).toBe('partition=0/schema_name=null')
})

describe('patterns of Joda-Time', () => {
  const ms = Date.UTC(2021, 0, 3, 0, 5, 9, 7)
  test.each([
    ["'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH", 'year=2021/month=01/day=03/hour=00'],
    ['YY y yyyyy', '21 2021 02021'],
    ['M d H k h K m s', '1 3 0 24 12 0 5 9'],
    ['SSS S SSSSS', '007 0 00700'],
    ["xxxx-'W'ww-e", '2020-W53-7'],
    ['DDD a G C', '003 AM AD 20'],
    ['EEE EEEE MMM MMMM', 'Sun Sunday Jan January'],
    ["''yyyy'' 'o''clock'", "'2021' o'clock"],
  ])('%s', (pattern, expected) => expect(jodaFormat(pattern, 'en')(ms)).toBe(expected))

  // What Joda-Time 2.14 gives on Java 17 for the locale as Confluent's partitioner makes it of the text.
  test.each([
    ['en', 'January Sunday AM AD'],
    ['en-US', 'Jan Sun AM CE'],
    ['en_US', 'Jan Sun AM CE'],
    ['fr-FR', 'Jan Sun AM CE'],
    ['fr', 'janvier dimanche AM ap. J.-C.'],
    ['pl', 'stycznia niedziela AM n.e.'],
    ['ja', '1月 日曜日 午前 西暦'],
    ['zh', '一月 星期日 上午 公元'],
  ])('names of the locale %s', (locale, expected) => expect(jodaFormat('MMMM EEEE a G', locale)(ms)).toBe(expected))

  test('short names are those within a date', () => {
    expect(jodaFormat('MMM E', 'de')(ms)).toBe('Jan. So.')
  })

  test('weeks before 1970', () => {
    expect(jodaFormat("xxxx-'W'ww", 'en')(Date.UTC(1900, 0, 2))).toBe('1900-W01')
    expect(jodaFormat("xxxx-'W'ww", 'en')(Date.UTC(1899, 11, 31))).toBe('1899-W52')
  })

  test('are refused where a letter stands for nothing', () => {
    expect(() => jodaFormat("year='YYYY'", 'en')).toThrow('Illegal pattern component: r')
    expect(() => jodaFormat("'year=YYYY", 'en')).toThrow('Unterminated quote')
  })
})

test('scheduled times count from midnight in the zone, and midnight is one of them', () => {
  const paris = zoneOffset('Europe/Paris')
  const next = (time: string, hours: number) => new Date(nextScheduled(Date.parse(time), hours * 3_600_000, paris)).toISOString()
  expect(next('2026-01-31T10:30:00Z', 1)).toBe('2026-01-31T11:00:00.000Z')
  expect(next('2026-01-31T22:30:00Z', 7)).toBe('2026-01-31T23:00:00.000Z')
  expect(next('2026-01-31T23:00:00Z', 7)).toBe('2026-02-01T06:00:00.000Z')
  // The day has 23 hours.
  expect(next('2026-03-29T20:30:00Z', 24)).toBe('2026-03-29T22:00:00.000Z')
})
