/**
 * DescribeConfigs, key 32. v3 adds includeDocumentation, configType, documentation; v4 is flexible.
 */
import { defineApi } from '../wire/api.ts'
import { bool, int8, int16, int32, list, nullable, optional, since, string, struct } from '../wire/types.ts'

export default defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexible: 4,
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
})
