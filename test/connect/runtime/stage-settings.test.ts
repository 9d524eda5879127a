/**
 * Goal: the settings of transforms and predicates have the order, groups and errors of Kafka Connect. Method: configs with the answers
 * of Kafka Connect 4.3; test/peers/transform-validation.test.ts compares more.
 */
import { expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { validate } from '../../../connect/runtime/validation.ts'

const plugins = await findPlugins()
const transforms = 'org.apache.kafka.connect.transforms'
const validated = (config: Record<string, string>) =>
  validate(plugins, { name: 'v', 'connector.class': 'FileStreamSink', topics: 't', ...config }).configs.filter(({ definition }) =>
    /^(transforms|predicates)/.test(definition.name),
  )
const errorsOf = (config: Record<string, string>) => validated(config).flatMap(({ value }) => value.errors)

test('the type and its version come first, then what is required, then by importance and name', () => {
  const config = { transforms: 'a', 'transforms.a.type': `${transforms}.HeaderFrom$Value` }
  expect(validated(config).map(({ definition }) => [definition.name, definition.group, definition.order_in_group])).toEqual([
    ['transforms', 'Transforms', 12],
    ['predicates', 'Predicates', 13],
    ['transforms.a.type', 'Transforms: a', 0],
    ['transforms.a.plugin.version', 'Transforms: a', 1],
    ['transforms.a.fields', 'Transforms: a', 2],
    ['transforms.a.headers', 'Transforms: a', 3],
    ['transforms.a.operation', 'Transforms: a', 4],
    ['transforms.a.negate', 'Transforms: a', 5],
    ['transforms.a.predicate', 'Transforms: a', 6],
    ['transforms.a.replace.null.with.default', 'Transforms: a', 7],
  ])
})

test.each([
  [{ transforms: 'a' }, 'Missing required configuration "transforms.a.type" which has no default value.'],
  [
    { transforms: 'a', 'transforms.a.type': 'Nope' },
    'Invalid value Nope for configuration transforms.a.type: Class Nope could not be found.',
  ],
  [
    { transforms: 'a', 'transforms.a.type': `${transforms}.HeaderFrom` },
    `This class is abstract and cannot be created. Did you mean ${transforms}.HeaderFrom$Key, ${transforms}.HeaderFrom$Value?`,
  ],
  [
    { predicates: 'p', 'predicates.p.type': `${transforms}.Filter` },
    `Class class ${transforms}.Filter does not implement the Predicate interface`,
  ],
  [
    { transforms: 'a', 'transforms.a.type': `${transforms}.Filter`, 'transforms.a.negate': 'true' },
    "Config 'transforms.a.negate' was provided but there is no config 'transforms.a.predicate' defining a predicate to be negated.",
  ],
  [
    { transforms: 'a,a', 'transforms.a.type': `${transforms}.Filter` },
    'Invalid value [a, a] for configuration transforms: Duplicate alias provided.',
  ],
  [
    { transforms: 'a', 'transforms.a.type': `${transforms}.Filter`, 'transforms.a.predicate': 'p', 'transforms.a.negate': 'maybe' },
    'Invalid value maybe for configuration transforms.a.negate: Expected value to be either true or false',
  ],
  [
    { predicates: 'p', 'predicates.p.type': `${transforms}.predicates.HasHeaderKey`, 'predicates.p.name': '' },
    'Invalid value  for configuration name: String must be non-empty',
  ],
])('%j', (config, message) => {
  expect(errorsOf(config as Record<string, string>)).toEqual([expect.stringContaining(message)])
})

test('a short name is shown as the class', () => {
  const config = { transforms: 'a', 'transforms.a.type': 'RegexRouter' }
  expect(validated(config).find(({ definition }) => definition.name === 'transforms.a.type')?.value.value).toBe(`${transforms}.RegexRouter`)
})
