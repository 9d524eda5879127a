/**
 * DescribeConfigs, key 32: the configs of topics and of this broker.
 * v3 adds includeDocumentation, configType, documentation; v4 is flexible.
 */
import type { ConfigResource } from '../cluster/types.ts'
import { codeOf, KafkaError } from '../errors.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'
import { defineApi } from './define-api.ts'

const resourceTypes = { topic: 2, broker: 4 } as const

function resourceOf(type: number, name: string): ConfigResource {
  if (type === resourceTypes.topic) return { type: 'topic', name }
  if (type === resourceTypes.broker) return { type: 'broker', name }
  throw new KafkaError('INVALID_REQUEST', `Resource type ${type} is not supported; 2 (topic) and 4 (broker) are.`)
}

export default defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
  missing: ['resource types 8 (broker logger), 16 (client metrics) and 32 (group)'],
  request: {
    resources: list(
      struct({
        resourceType: int8,
        resourceName: string,
        configurationKeys: nullable(list(string)),
      }),
    ),
    includeSynonyms: bool,
    includeDocumentation: since(3, bool),
  },
  response: {
    throttleTimeMs: int32,
    results: list(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        configs: list(
          struct({
            name: string,
            value: nullable(string),
            readOnly: bool,
            configSource: optional(int8, -1),
            isSensitive: bool,
            synonyms: list(
              struct({
                name: string,
                value: nullable(string),
                source: int8,
              }),
            ),
            configType: since(3, int8),
            documentation: since(3, nullable(string), ''),
          }),
        ),
      }),
    ),
  },
  handle({ request, broker }) {
    const results = request.resources.map(({ resourceType, resourceName, configurationKeys }) => {
      const result = { errorCode: 0, errorMessage: '' as string | null, resourceType, resourceName }
      try {
        // An empty list means all keys, as null does.
        const names = configurationKeys?.length === 0 ? null : configurationKeys
        const entries = broker.cluster.describeConfigs(resourceOf(resourceType, resourceName), names)
        return {
          ...result,
          configs: entries.map(({ name, value, readOnly, source, isSensitive, type, documentation, synonyms }) => ({
            name,
            value,
            readOnly,
            configSource: source,
            isSensitive,
            synonyms: request.includeSynonyms ? synonyms : [],
            configType: type,
            documentation: request.includeDocumentation ? documentation : null,
          })),
        }
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        return { ...result, errorCode: codeOf(error), errorMessage: error.message, configs: [] }
      }
    })
    return { throttleTimeMs: 0, results }
  },
  errorResponse: (errorCode, { resources }) => ({
    throttleTimeMs: 0,
    results: resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),
})
