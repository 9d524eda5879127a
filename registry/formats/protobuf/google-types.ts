/**
 * The files of google/type and confluent that every registry knows, with what they declare: names, numbers and types.
 * A schema may import them without a reference.
 */
const proto = (packageName: string, imports: readonly string[], body: string) =>
  `syntax = "proto3"; package ${packageName}; ${imports.map((name) => `import "google/protobuf/${name}.proto";`).join(' ')} ${body}`

const numbered = (prefix: string, names: string) =>
  names
    .split(' ')
    .map((name, index) => `${prefix}${name} = ${index + 1};`)
    .join(' ')

const googleTypes: Readonly<Record<string, readonly [body: string, ...imports: string[]]>> = {
  calendar_period: [
    `enum CalendarPeriod { CALENDAR_PERIOD_UNSPECIFIED = 0; ${numbered('', 'DAY WEEK FORTNIGHT MONTH QUARTER HALF YEAR')} }`,
  ],
  color: [`message Color { ${numbered('float ', 'red green blue')} google.protobuf.FloatValue alpha = 4; }`, 'wrappers'],
  date: [`message Date { ${numbered('int32 ', 'year month day')} }`],
  datetime: [
    `message DateTime { ${numbered('int32 ', 'year month day hours minutes seconds nanos')}
      oneof time_offset { google.protobuf.Duration utc_offset = 8; TimeZone time_zone = 9; } }
    message TimeZone { string id = 1; string version = 2; }`,
    'duration',
  ],
  dayofweek: [
    `enum DayOfWeek { DAY_OF_WEEK_UNSPECIFIED = 0; ${numbered('', 'MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY')} }`,
  ],
  decimal: ['message Decimal { string value = 1; }'],
  expr: [`message Expr { ${numbered('string ', 'expression title description location')} }`],
  fraction: [`message Fraction { ${numbered('int64 ', 'numerator denominator')} }`],
  interval: [`message Interval { ${numbered('google.protobuf.Timestamp ', 'start_time end_time')} }`, 'timestamp'],
  latlng: [`message LatLng { ${numbered('double ', 'latitude longitude')} }`],
  money: ['message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }'],
  month: [
    `enum Month { MONTH_UNSPECIFIED = 0;
      ${numbered('', 'JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER')} }`,
  ],
  phone_number: [
    `message PhoneNumber { message ShortCode { string region_code = 1; string number = 2; }
      oneof kind { string e164_number = 1; ShortCode short_code = 2; } string extension = 3; }`,
  ],
  postal_address: [
    `message PostalAddress { int32 revision = 1; string region_code = 2; string language_code = 3; string postal_code = 4;
      string sorting_code = 5; string administrative_area = 6; string locality = 7; string sublocality = 8;
      repeated string address_lines = 9; repeated string recipients = 10; string organization = 11; }`,
  ],
  quaternion: [`message Quaternion { ${numbered('double ', 'x y z w')} }`],
  timeofday: [`message TimeOfDay { ${numbered('int32 ', 'hours minutes seconds nanos')} }`],
}

const CONFLUENT_META = 'confluent/meta.proto'
/** The number of Confluent's extensions. */
export const META_FIELD = 1088
const extension = (options: string, name: string) => `extend google.protobuf.${options} { Meta ${name} = ${META_FIELD}; }`

/** Path to text, of all but google/protobuf. */
export const knownTexts: ReadonlyMap<string, string> = new Map([
  ...Object.entries(googleTypes).map(
    ([name, [body, ...imports]]) => [`google/type/${name}.proto`, proto('google.type', imports, body)] as [string, string],
  ),
  [
    CONFLUENT_META,
    proto(
      'confluent',
      ['descriptor'],
      `message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; repeated Rule rules = 4; }
      message Rule { ${numbered('string ', 'name doc expr sql')} }
      ${extension('FileOptions', 'file_meta')} ${extension('MessageOptions', 'message_meta')} ${extension('FieldOptions', 'field_meta')}
      ${extension('EnumOptions', 'enum_meta')} ${extension('EnumValueOptions', 'enum_value_meta')}`,
    ),
  ],
  [
    'confluent/type/decimal.proto',
    proto('confluent.type', [], 'message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }'),
  ],
  ['confluent/type/variant.proto', proto('confluent.type', [], 'message Variant { bytes metadata = 1; bytes value = 2; }')],
])
