/**
 * AvroConverter, by Confluent's class name: Avro with the schemas of a schema registry. Its conversion between Connect and Avro is in
 * avro/, what it shares with the other converters of the registry is in connect/schema-registry.
 */
import { RegistryConverter } from '../schema-registry/registry-converter.ts'
import { dataSettings, registrySettings } from '../schema-registry/registry-settings.ts'
import { avroSettingsWithoutEffect } from '../schema-registry/settings-without-effect.ts'
import { defineConverter, setting } from '../sdk/index.ts'
import { AvroCodec } from './avro/codec.ts'

export default defineConverter({
  class: 'io.confluent.connect.avro.AvroConverter',
  doc: 'Avro, with schemas in a schema registry.',
  kinds: ['converter'],
  settings: {
    ...registrySettings,
    ...dataSettings,
    ...avroSettingsWithoutEffect,
    'enhanced.avro.schema.support': setting.boolean({
      default: false,
      doc: 'Whether enums stay enums, and names of types keep their namespaces in unions.',
    }),
    'scrub.invalid.names': setting.boolean({
      default: false,
      doc: 'Whether characters that a name of Avro may not have are replaced.',
    }),
    'connect.meta.data': setting.boolean({
      default: true,
      doc: 'Whether Avro schemas have what only Connect knows, in properties connect.*.',
      importance: 'LOW',
    }),
    'discard.type.doc.default': setting.boolean({
      default: false,
      doc: 'Whether only documentation and defaults of fields are kept, not those of types.',
      importance: 'LOW',
    }),
    'allow.optional.map.keys': setting.boolean({
      default: false,
      doc: 'Whether a map with optional text as keys is a map of Avro.',
      importance: 'LOW',
    }),
    'flatten.singleton.unions': setting.boolean({
      default: true,
      doc: 'Whether a union of one type is read as that type.',
      importance: 'LOW',
    }),
  },
  create(config, isKey, context) {
    if (!context) throw new Error('AvroConverter needs the context of the runtime')
    const options = {
      enhanced: config['enhanced.avro.schema.support'],
      scrub: config['scrub.invalid.names'],
      metaData: config['connect.meta.data'],
      discardTypeDocDefault: config['discard.type.doc.default'],
      optionalMapKeys: config['allow.optional.map.keys'],
      flattenSingletonUnions: config['flatten.singleton.unions'],
      generalizedSumTypes: config['generalized.sum.type.support'],
      ignoreDefaultForNullables: config['ignore.default.for.nullables'],
    }
    return new RegistryConverter(new AvroCodec(options, context.system.logger), config, isKey, context)
  },
})
