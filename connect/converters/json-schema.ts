/**
 * JsonSchemaConverter, by Confluent's class name: JSON with the schemas of a schema registry. Its conversion is in json-schema/, what it
 * shares with the other converters of the registry is in connect/schema-registry.
 */
import { RegistryConverter } from '../schema-registry/registry-converter.ts'
import { dataSettings, registrySettings } from '../schema-registry/registry-settings.ts'
import { jsonSchemaSettingsWithoutEffect } from '../schema-registry/settings-without-effect.ts'
import { defineConverter, setting } from '../sdk/index.ts'
import { JsonSchemaCodec } from './json-schema/codec.ts'

export default defineConverter({
  class: 'io.confluent.connect.json.JsonSchemaConverter',
  doc: 'JSON, with schemas in a schema registry.',
  kinds: ['converter'],
  settings: {
    ...registrySettings,
    ...dataSettings,
    ...jsonSchemaSettingsWithoutEffect,
    'object.additional.properties': setting.boolean({
      default: true,
      doc: 'Whether the schemas of objects allow properties that they do not name.',
    }),
    'use.optional.for.nonrequired': setting.boolean({
      default: false,
      doc: 'Whether properties that are not required are read as optional.',
    }),
    'decimal.format': setting.oneOf(['BASE64', 'NUMERIC'], {
      default: 'BASE64',
      doc: 'The format in which decimals are written: bytes in base64, or digits. Both are read.',
      importance: 'LOW',
    }),
    'flatten.singleton.unions': setting.boolean({
      default: true,
      doc: 'Whether a combination of one schema is read as that schema.',
      importance: 'LOW',
    }),
  },
  create(config, isKey, context) {
    if (!context) throw new Error('JsonSchemaConverter needs the context of the runtime')
    const options = {
      additionalProperties: config['object.additional.properties'],
      optionalForNonRequired: config['use.optional.for.nonrequired'],
      numericDecimals: config['decimal.format'] === 'NUMERIC',
      flattenSingletonUnions: config['flatten.singleton.unions'],
      generalizedSumTypes: config['generalized.sum.type.support'],
      ignoreDefaultForNullables: config['ignore.default.for.nullables'],
    }
    return new RegistryConverter(new JsonSchemaCodec(options), config, isKey, context)
  },
})
