/**
 * ProtobufConverter, by Confluent's class name: Protobuf with the schemas of a schema registry. Its conversion is in protobuf/, what it
 * shares with the other converters of the registry is in connect/schema-registry.
 */
import { RegistryConverter } from '../schema-registry/registry-converter.ts'
import { dataSettings, registrySettings } from '../schema-registry/registry-settings.ts'
import { protobufSettingsWithoutEffect } from '../schema-registry/settings-without-effect.ts'
import { defineConverter, setting } from '../sdk/index.ts'
import { ProtobufCodec } from './protobuf/codec.ts'

export default defineConverter({
  class: 'io.confluent.connect.protobuf.ProtobufConverter',
  doc: 'Protobuf, with schemas in a schema registry.',
  kinds: ['converter'],
  settings: {
    ...registrySettings,
    ...dataSettings,
    ...protobufSettingsWithoutEffect,
    'enhanced.protobuf.schema.support': setting.boolean({
      default: false,
      doc: 'Whether schemas of Connect have the names of messages with their packages.',
    }),
    'scrub.invalid.names': setting.boolean({
      default: false,
      doc: 'Whether characters that a name of Protobuf may not have are replaced.',
    }),
    'int.for.enums': setting.boolean({ default: false, doc: 'Whether enums are read as numbers.' }),
    'optional.for.nullables': setting.boolean({
      default: false,
      doc: 'Whether optional fields of Connect are fields with the label optional, and only these are read as optional.',
    }),
    'optional.for.proto2': setting.boolean({
      default: true,
      doc: 'Whether a field of proto2 with the label optional that is not set is read as null.',
    }),
    'wrapper.for.nullables': setting.boolean({
      default: false,
      doc: 'Whether optional values are written and read as messages that wrap them, such as google.protobuf.StringValue.',
    }),
    'wrapper.for.raw.primitives': setting.boolean({
      default: true,
      doc: 'Whether a record that is such a message is read as its value.',
    }),
    'generate.struct.for.nulls': setting.boolean({
      default: false,
      doc: 'Whether a message that is not set is read as one with defaults.',
    }),
    'generate.index.for.unions': setting.boolean({
      default: true,
      doc: 'Whether the field of a oneof has its index in its name.',
      importance: 'LOW',
    }),
    'flatten.unions': setting.boolean({
      default: false,
      doc: 'Whether the fields of a oneof are read as fields of its message.',
      importance: 'LOW',
    }),
  },
  create(config, isKey, context) {
    if (!context) throw new Error('ProtobufConverter needs the context of the runtime')
    const options = {
      enhanced: config['enhanced.protobuf.schema.support'],
      scrub: config['scrub.invalid.names'],
      intForEnums: config['int.for.enums'],
      optionalForNullables: config['optional.for.nullables'],
      optionalForProto2: config['optional.for.proto2'],
      wrapperForNullables: config['wrapper.for.nullables'],
      wrapperForRawPrimitives: config['wrapper.for.raw.primitives'],
      structForNulls: config['generate.struct.for.nulls'],
      indexForUnions: config['generate.index.for.unions'],
      flattenUnions: config['flatten.unions'],
      generalizedSumTypes: config['generalized.sum.type.support'],
      ignoreDefaultForNullables: config['ignore.default.for.nullables'],
    }
    return new RegistryConverter(new ProtobufCodec(options), config, isKey, context)
  },
})
