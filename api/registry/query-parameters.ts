/** Query parameters of the registry's API, read as leniently as Confluent reads them. */
import { type DeletedFilter, SchemaRegistryError } from '../../registry/index.ts'
import { flag } from '../schemas.ts'

export type Query = Readonly<Record<string, string | string[] | undefined>>

/** The last one of a name counts. */
export const text = (query: Query, name: string, fallback = ''): string => [query[name]].flat().at(-1) ?? fallback
export const texts = (query: Query, name: string): string[] => [query[name] ?? []].flat()
export const isSet = (query: Query, name: string): boolean => flag([query[name]].flat().at(-1))

/** `deletedOnly` wins over `deleted`. */
export const deletedFilter = (query: Query): DeletedFilter =>
  isSet(query, 'deletedOnly') ? 'only' : isSet(query, 'deleted') ? 'with' : 'without'

function integer(query: Query, name: string, fallback: number): number {
  const given = text(query, name)
  if (given === '') return fallback
  if (!/^[+-]?\d{1,10}$/.test(given)) throw new SchemaRegistryError(404, 404, 'HTTP 404 Not Found')
  return Number(given)
}

export interface Limits {
  readonly default: number
  readonly max: number
}

/** The part of a list that `offset` and `limit` ask for; a limit that is not allowed counts as none. */
export function page<T>(query: Query, all: readonly T[], limits: Limits): T[] {
  const offset = Math.max(0, integer(query, 'offset', 0))
  const asked = integer(query, 'limit', -1)
  const limit = asked > 0 && asked <= limits.max ? asked : limits.default
  return all.slice(offset, offset + limit)
}

/** Schemas of these query parameters, for the API's document. */
export const queryDocs = (parameters: Readonly<Record<string, string>>) => ({
  type: 'object',
  properties: Object.fromEntries(Object.entries(parameters).map(([name, description]) => [name, { type: 'string', description }])),
})

export const paging = { offset: 'How many to leave out', limit: 'How many to return at most' } as const
