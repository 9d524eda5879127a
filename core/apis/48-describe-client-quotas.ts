/**
 * DescribeClientQuotas, key 48: the quotas in the metadata log, of the entities that a filter names.
 * v1 is flexible.
 */
import { codeOf, KafkaError } from '../errors.ts'
import { bool, float64, int8, int16, int32, list, nullable, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const matchTypes = { exact: 0, default: 1, any: 2 } as const
const entityTypes = ['user', 'client-id', 'ip']

interface Component {
  entityType: string
  matchType: number
  match: string | null
}

/** Throws Kafka's error for a filter that makes no sense. */
function checkFilter(components: readonly Component[]): void {
  const fail = (message: string): never => {
    throw new KafkaError('INVALID_REQUEST', message)
  }
  const seen = new Set<string>()
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') fail('Invalid empty entity type.')
    if (seen.has(entityType)) fail(`Entity type ${entityType} cannot appear more than once in the filter.`)
    seen.add(entityType)
    if (!entityTypes.includes(entityType)) throw new KafkaError('UNSUPPORTED_VERSION', `Unsupported entity type ${entityType}`)
    if (matchType === matchTypes.exact && match === null) fail('Request specified MATCH_TYPE_EXACT, but set match string to null.')
    if (matchType === matchTypes.default && match !== null) fail('Request specified MATCH_TYPE_DEFAULT, but also specified a match string.')
    if (matchType === matchTypes.any && match !== null) fail('Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.')
    if (matchType < matchTypes.exact || matchType > matchTypes.any) fail(`Unknown match type ${matchType}`)
  }
  if (seen.has('ip') && seen.size > 1)
    fail('Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.')
}

type Entity = readonly { readonly entityType: string; readonly entityName: string | null }[]

const matches = (entity: Entity, components: readonly Component[], strict: boolean): boolean =>
  (!strict || entity.length === components.length) &&
  components.every(({ entityType, matchType, match }) => {
    const part = entity.find((candidate) => candidate.entityType === entityType)
    return part !== undefined && (matchType === matchTypes.any || part.entityName === match)
  })

export default defineApi({
  key: 48,
  name: 'DescribeClientQuotas',
  versions: [0, 1],
  flexible: 1,
  authorization: ['DescribeConfigs Cluster'],
  request: {
    components: list(
      struct({
        entityType: string,
        matchType: int8,
        match: nullable(string),
      }),
    ),
    strict: bool,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    entries: nullable(
      list(
        struct({
          entity: list(struct({ entityType: string, entityName: nullable(string) })),
          values: list(struct({ key: string, value: float64 })),
        }),
      ),
    ),
  },
  handle({ request, broker, access }) {
    access.check('DescribeConfigs Cluster')
    const { components, strict } = request
    try {
      checkFilter(components)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return { throttleTimeMs: 0, errorCode: codeOf(error), errorMessage: error.message, entries: null }
    }
    const entries = [...broker.cluster.clientQuotas()]
      .filter(({ entity }) => matches(entity, components, strict))
      .map(({ entity, quotas }) => ({
        entity: entity.map(({ entityType, entityName }) => ({ entityType, entityName })),
        values: Object.entries(quotas).map(([key, value]) => ({ key, value })),
      }))
    return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, entries }
  },
  errorResponse: (errorCode) => ({ throttleTimeMs: 0, errorCode, errorMessage: null, entries: null }),
})
