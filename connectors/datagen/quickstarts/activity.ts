/**
 * Ready-made schemas of what people do: clicks, page views, ratings, games, drives. Fields and types are those of Confluent's
 * quickstarts, and the values are our own.
 */
import { between, clock, counting, matching, oneOf, type Quickstart, record, table } from './avro-json.ts'
import { addresses, cities, people, personNames } from './value-tables.ts'

const EPOCH_FIELD = '_time'
const browsers = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'ExampleBot/1.0 (+https://www.example.com/bot)',
]
const codes = [
  ...[200, 'Successful', 302, 'Redirect', 404, 'Page not found', 405, 'Method not allowed', 406, 'Not acceptable'],
  ...[407, 'Proxy authentication required'],
]
const pages = ['index', 'search', 'basket', 'account', 'help', 'contact'].map((page) => `GET /${page}.html HTTP/1.1`)
const messages = [
  'the seats were wide, the coffee was not',
  'on time, and that at this price',
  'we waited two hours and nobody told us why',
  'friendly crew, cold dinner',
  'would fly with you again',
  'my bag has seen more of the world than I have',
]
const players = people(100).map(({ first, last }, index) => ({
  player_id: 1001 + index,
  player_name: `${first} ${last}`,
  ip: addresses[index % addresses.length],
}))

export const activity: Readonly<Record<string, Quickstart>> = {
  clickstream_codes: {
    key: 'code',
    schema: table(
      record('codes', { code: 'int', definition: 'string' }, 'clickstream'),
      Array.from({ length: codes.length / 2 }, (_, index) => ({ code: codes[index * 2], definition: codes[index * 2 + 1] })),
    ),
  },
  clickstream: {
    key: 'ip',
    schema: record(
      'events',
      {
        ip: oneOf('string', addresses),
        userid: between('int', -1, 40),
        remote_user: oneOf('string', ['-']),
        time: counting('string', 1, 10),
        [EPOCH_FIELD]: counting('long', 1, 10),
        request: oneOf('string', pages),
        status: oneOf('string', ['200', '302', '404', '405', '406', '407']),
        bytes: oneOf('string', ['312', '1024', '1789', '4080', '9120', '16384']),
        referrer: oneOf('string', ['-']),
        agent: oneOf('string', browsers),
      },
      'clickstream',
    ),
  },
  clickstream_users: {
    key: 'user_id',
    schema: record(
      'users',
      {
        user_id: counting('int', 1),
        username: oneOf(
          'string',
          people(40).map(({ first }, index) => `${first.toLowerCase()}_${index}`),
        ),
        registered_at: between('long', 1_407_645_330_000, 1_502_339_792_000),
        first_name: oneOf('string', [...new Set(people(25).map(({ first }) => first))]),
        last_name: oneOf('string', [...new Set(people(23).map(({ last }) => last))]),
        city: oneOf('string', cities),
        level: oneOf('string', ['Gold', 'Silver', 'Platinum']),
      },
      'clickstream',
    ),
  },
  pageviews: {
    key: 'viewtime',
    schema: record(
      'pageviews',
      { viewtime: counting('long', 1, 10), userid: matching('User_[1-9]'), pageid: matching('Page_[1-9][0-9]') },
      'ksql',
    ),
  },
  ratings: {
    key: 'rating_id',
    schema: record(
      'ratings',
      {
        rating_id: counting('long', 1),
        user_id: between('int', -1, 20),
        stars: between('int', 1, 5),
        route_id: between('int', 1, 9999),
        rating_time: counting('long', 1, 12),
        channel: oneOf('string', ['web', 'ios', 'iOS', 'android', 'iOS-test']),
        message: oneOf('string', messages),
      },
      'ksql',
    ),
  },
  gaming_games: {
    key: 'id',
    schema: record(
      'gaming_games',
      {
        id: between('int', 1000, 5000),
        room_name: oneOf(
          'string',
          ['Maze', 'Duel', 'Relay'].flatMap((room) => ['Beginner', 'Advanced', 'Master'].map((level) => `${room} -- ${level}`)),
        ),
        created_date: clock(1_609_459_200_000, 100_000),
      },
      'gaming',
    ),
  },
  gaming_players: {
    key: 'player_id',
    schema: table(record('gaming_players', { player_id: 'int', player_name: 'string', ip: 'string' }, 'gaming'), players),
  },
  gaming_player_activity: {
    key: 'player_id',
    schema: record(
      'gaming_player_activity',
      {
        player_id: between('int', 1001, 1101),
        game_room_id: between('int', 1000, 5000),
        points: between('int', 10, 500),
        coordinates: matching('\\[[0-9][0-9],[0-9][0-9]\\]'),
      },
      'gaming',
    ),
  },
  fleet_mgmt_description: {
    key: 'vehicle_id',
    schema: record(
      'fleet_mgmt_description',
      {
        vehicle_id: between('int', 1000, 9999),
        driver_name: oneOf('string', personNames),
        license_plate: matching('[A-Z]{2}\\d{6}[A-Z]'),
      },
      'fleet_mgmt',
    ),
  },
  fleet_mgmt_location: {
    key: 'vehicle_id',
    schema: record(
      'fleet_mgmt_location',
      {
        vehicle_id: between('int', 1000, 9999),
        location: record('location', { latitude: between('double', -90, 90), longitude: between('double', -180, 180) }),
        ts: clock(1_609_459_200_000, 100_000),
      },
      'fleet_mgmt',
    ),
  },
  fleet_mgmt_sensors: {
    key: 'vehicle_id',
    schema: record(
      'fleet_mgmt_sensors',
      {
        vehicle_id: between('int', 1000, 9999),
        engine_temperature: between('int', 150, 250),
        average_rpm: between('int', 1800, 5000),
      },
      'fleet_mgmt',
    ),
  },
}
