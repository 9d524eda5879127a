/**
 * Settings of Confluent's serializers and of its client that its converters accept, and that change nothing here. Each is named with the
 * reason, so that a configuration which has one is not taken for mistaken.
 */
import { type Settings, setting } from '../sdk/index.ts'

const without = (reasons: Readonly<Record<string, string>>): Settings =>
  Object.fromEntries(
    Object.entries(reasons).map(([name, reason]) => [
      name,
      setting.string({ default: null, doc: `Accepted; ${reason}`, importance: 'LOW' }),
    ]),
  )

const notKept = 'that the registry lacks a schema is not kept.'
const noRules =
  'no rules are run. A record of a schema with a rule that would have to run is refused, unless rule.executors.NAME.disabled=true.'
const noClasses = 'there are no Java classes of records.'
const noValidation = 'records are made by their schema.'

export const settingsWithoutEffect = without({
  'missing.cache.size': notKept,
  'missing.id.cache.ttl.sec': notKept,
  'missing.schema.cache.ttl.sec': notKept,
  'missing.version.cache.ttl.sec': notKept,
  'propagate.schema.tags': 'tags of earlier versions are not written into schemas.',
  'rule.actions': noRules,
  'rule.executors': noRules,
  'rule.metrics.enable': noRules,
  'rule.service.loader.enable': noRules,
  'schema.format': 'schemas are registered and read as they are.',
  'schema.reflection': noClasses,
  'use.apache.http.client': 'there is one HTTP client.',
  'validation.rules.executor.class': noRules,
  'validation.rules.fail.fast': noRules,
})

export const avroSettingsWithoutEffect = without({
  'avro.fail.on.trailing.data': 'bytes after the data of a record are passed over.',
  'avro.reflection.allow.null': noClasses,
  'avro.remove.java.properties': 'no schema has properties of Java.',
  'avro.use.logical.type.converters': 'logical types are those of Kafka Connect.',
  'specific.avro.key.type': noClasses,
  'specific.avro.reader': noClasses,
  'specific.avro.value.type': noClasses,
})

export const jsonSchemaSettingsWithoutEffect = without({
  'ignore.modern.dialects': 'a schema is read by the draft that it names.',
  'json.default.property.inclusion': noClasses,
  'json.fail.invalid.schema': noValidation,
  'json.fail.unknown.properties': noValidation,
  'json.indent.output': 'records have no white space.',
  'json.key.type': noClasses,
  'json.oneof.for.nullables': noClasses,
  'json.schema.scan.packages': noClasses,
  'json.schema.spec.version': noClasses,
  'json.value.type': noClasses,
  'json.write.dates.iso8601': 'dates are those of Kafka Connect.',
})

const noReferences = 'schemas of Connect refer to files of Google alone, which every reader has.'

export const protobufSettingsWithoutEffect = without({
  'reference.lookup.only': noReferences,
  'reference.subject.name.strategy': noReferences,
  'skip.known.types': noReferences,
})
