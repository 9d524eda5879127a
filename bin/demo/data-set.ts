/**
 * The data of the demo, from the npm package vega-datasets: a week of earthquakes of the whole world (USGS), split at the Atlantic into two
 * regions; the daily weather of two American cities; and the wind over Western Europe. Each record has an identity, by which every stage is
 * compared with the data set.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export type Region = 'us' | 'eu'
export type Fields = Readonly<Record<string, unknown>>

export interface Feed {
  region: Region
  topic: string
  format: 'json' | 'csv'
  /** The first line of a CSV file. */
  header: string | null
  lines: readonly string[]
  /** The field that becomes the key of its records. */
  keyField: string
  /** The identity of a record, the same in every stage. */
  identity(fields: Fields): string
  /** The fields of each record, by identity. */
  expected: ReadonlyMap<string, Fields>
}

/** The longitudes of America, in degrees. */
const AMERICA = { west: -170, east: -30 }

export async function loadFeeds(): Promise<readonly Feed[]> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data')
  const [quakes, weather, wind] = await Promise.all(
    ['earthquakes.json', 'weather.csv', 'windvectors.csv'].map((name) => readFile(join(folder, name), 'utf8')),
  )
  const all = (JSON.parse(quakes!) as { features: Feature[] }).features.map(flat)
  const isAmerican = ({ longitude }: Quake) => longitude > AMERICA.west && longitude < AMERICA.east
  return [
    quakeFeed('us', all.filter(isAmerican)),
    csvFeed('us', 'weather', weather!, 'location', ['location', 'date']),
    quakeFeed(
      'eu',
      all.filter((quake) => !isAmerican(quake)),
    ),
    csvFeed('eu', 'wind', wind!, 'latitude', ['longitude', 'latitude']),
  ]
}

interface Feature {
  id: string
  properties: Record<string, unknown>
  geometry: { coordinates: [number, number, number] }
}
type Quake = ReturnType<typeof flat>

const flat = ({ id, properties, geometry: { coordinates } }: Feature) => ({
  id,
  longitude: coordinates[0],
  latitude: coordinates[1],
  depth: coordinates[2],
  ...properties,
})

function quakeFeed(region: Region, quakes: readonly Quake[]): Feed {
  const identity = (fields: Fields) => String(fields.id)
  return {
    region,
    topic: 'earthquakes',
    format: 'json',
    header: null,
    lines: quakes.map((quake) => JSON.stringify(quake)),
    keyField: 'id',
    identity,
    expected: byIdentity(quakes, identity),
  }
}

/** These files have no quotes: a comma always separates two fields. */
function csvFeed(region: Region, topic: string, text: string, keyField: string, identityFields: readonly string[]): Feed {
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line !== '') as [string, ...string[]]
  const names = header.split(',')
  const identity = (fields: Fields) => identityFields.map((name) => String(fields[name])).join(' ')
  const rows = lines.map((line) => Object.fromEntries(line.split(',').map((field, i) => [names[i]!, field])))
  return { region, topic, format: 'csv', header, lines, keyField, identity, expected: byIdentity(rows, identity) }
}

function byIdentity(records: readonly Fields[], identity: (fields: Fields) => string): ReadonlyMap<string, Fields> {
  const byId = new Map(records.map((fields) => [identity(fields), fields]))
  if (byId.size !== records.length)
    throw new Error(`the data set has ${records.length - byId.size} records twice: they cannot be distinguished`)
  return byId
}
