/**
 * What `config/validate` says about configs that are wrong in one place: how many errors there are, and at which settings. The cases are
 * those of Kafka Connect's own tests; a plugin of the wrong kind is one that both workers have.
 */
import { expect } from 'vitest'
import type { Config, ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const prefix = 'org.apache.kafka.connect'
const filter = `${prefix}.transforms.Filter`
const tombstone = `${prefix}.transforms.predicates.RecordIsTombstone`
const wrongKind = 'org.apache.kafka.connect.file.FileStreamSinkConnector'

/** A null removes the setting. */
type Changes = Readonly<Record<string, string | null>>
/** By setting: each error has this in it. */
type Errors = Readonly<Record<string, RegExp>>

async function validates(cluster: ConnectCluster, config: Config, changes: Changes, errors: Errors): Promise<void> {
  const changed = Object.fromEntries(Object.entries({ ...config, ...changes }).filter(([, value]) => value !== null))
  const body = await cluster.get(`PUT /connector-plugins/${config['connector.class']}/config/validate`, changed)
  const found = body.configs
    .filter(({ value }: { value: { errors: string[] } }) => value.errors.length > 0)
    .map(({ value }: { value: { name: string; errors: string[] } }) => [value.name, value.errors])
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(Object.entries(errors).map(([name, text]) => [name, [expect.stringMatching(text)]])),
  )
  expect(body.error_count).toBe(Object.keys(errors).length)
}

const ofSink = (changes: Changes, errors: Errors) => async (cluster: ConnectCluster, id: string) =>
  validates(cluster, { ...cluster.sink(id, 't1'), name: id }, changes, errors)
const ofSource = (changes: Changes, errors: Errors) => async (cluster: ConnectCluster, id: string) =>
  validates(cluster, { ...cluster.source(id), name: id }, changes, errors)

const transform = (type: string, more: Changes = {}) => ({ transforms: 't', 'transforms.t.type': type, ...more })
const predicate = (type: string) => ({ predicates: 'p', 'predicates.p.type': type })

export const connectorValidation: readonly Story[] = [
  { name: 'a sink needs topics or topics.regex', tell: ofSink({ topics: null }, { topics: /topics/, 'topics.regex': /topics/ }) },
  {
    name: 'a sink has topics or topics.regex, not both',
    tell: ofSink({ 'topics.regex': 'r.*' }, { topics: /mutually exclusive/, 'topics.regex': /mutually exclusive/ }),
  },
  {
    name: 'the dead-letter queue of a sink is not one of its topics',
    tell: ofSink({ 'errors.deadletterqueue.topic.name': 't1' }, { topics: /t1/ }),
  },
  {
    name: 'the dead-letter queue of a sink does not match its topics.regex',
    tell: ofSink({ topics: null, 'topics.regex': 'r.*', 'errors.deadletterqueue.topic.name': 'ruh.roh' }, { 'topics.regex': /ruh\.roh/ }),
  },
  {
    name: 'the group of a sink is not the group of its worker',
    async tell(cluster, id) {
      const conflict = /conflicts|group/
      const config = { ...cluster.sink(id, 't1'), name: id }
      await validates(cluster, config, { 'consumer.override.group.id': cluster.group }, { 'consumer.override.group.id': conflict })
    },
  },
  {
    name: 'the default group of a sink is not the group of its worker',
    settings: { 'group.id': 'connect-worker-group' },
    tell: (cluster, id) => validates(cluster, { ...cluster.sink(id, 't1'), name: 'worker-group' }, {}, { name: /group/ }),
  },
  {
    name: 'a topic creation group is listed once',
    tell: ofSource({ 'topic.creation.groups': 'g1, g2, g1' }, { 'topic.creation.groups': /Duplicate/i }),
  },
  { name: 'a transform is listed once', tell: ofSink({ ...transform(filter), transforms: 't, t' }, { transforms: /Duplicate/ }) },
  {
    name: 'a transform is of a class that the worker has',
    tell: ofSink(transform('WheresTheFruit'), { 'transforms.t.type': /WheresTheFruit/ }),
  },
  {
    name: 'a transform is of a class of transforms',
    tell: ofSink(transform(wrongKind), { 'transforms.t.type': /FileStreamSinkConnector/ }),
  },
  {
    name: 'a predicate that is negated is defined',
    tell: ofSink(transform(filter, { 'transforms.t.negate': 'true' }), { 'transforms.t.type': /negate/ }),
  },
  { name: 'a predicate is listed once', tell: ofSink({ ...predicate(tombstone), predicates: 'p, p' }, { predicates: /Duplicate/ }) },
  {
    name: 'a predicate is of a class that the worker has',
    tell: ofSink(predicate('WheresTheFruit'), { 'predicates.p.type': /WheresTheFruit/ }),
  },
  {
    name: 'a predicate is of a class of predicates',
    tell: ofSink(predicate(wrongKind), { 'predicates.p.type': /FileStreamSinkConnector/ }),
  },
  // Ours has no such classes: a module that cannot be loaded has none.
  ...['key.converter', 'header.converter'].flatMap((converter): Story[] =>
    ['PrivateConverter', 'ThrowingConverter'].map((broken) => ({
      name: `${converter} can be made: ${broken}`,
      tell: ofSink({ [converter]: `tributary.test.MonitorableConnectors$${broken}` }, { [converter]: new RegExp(broken) }),
    })),
  ),
  ...['key.converter', 'value.converter', 'header.converter'].flatMap((converter): Story[] => [
    {
      name: `${converter} is of a class that the worker has`,
      tell: ofSink({ [converter]: 'WheresTheFruit' }, { [converter]: /WheresTheFruit/ }),
    },
    {
      name: `${converter} is of a class of converters`,
      tell: ofSink({ [converter]: wrongKind }, { [converter]: /FileStreamSinkConnector/ }),
    },
    {
      name: `${converter} is not abstract`,
      tell: ofSink({ [converter]: `${prefix}.transforms.ReplaceField` }, { [converter]: /ReplaceField/ }),
    },
    {
      name: `the settings of ${converter} are valid`,
      tell: ofSink(
        { [converter]: `${prefix}.json.JsonConverter`, [`${converter}.schemas.enable`]: 'notaboolean' },
        { [`${converter}.schemas.enable`]: /notaboolean/ },
      ),
    },
    {
      name: `${converter} may have no settings`,
      tell: ofSink({ [converter]: `${prefix}.converters.ByteArrayConverter` }, {}),
    },
  ]),
]
