/**
 * Goal: the records of the topic are Confluent's, to the byte where this registry writes them, and in all the forms in which its versions
 * wrote them where it reads. Method: lines as Confluent's registry writes them.
 */
import { describe, expect, test } from 'vitest'
import {
  formatKey,
  formatValue,
  keyOf,
  type NewSchema,
  type RegistryRecord,
  readRecord,
  UnreadableRecord,
} from '../../registry/topic-records.ts'

const schema: NewSchema = {
  subject: 'a-value',
  version: 2,
  id: 7,
  md5: null,
  schemaType: 'PROTOBUF',
  references: [{ name: 'o.proto', subject: 'o', version: 1 }],
  metadata: { tags: { 'x.y': ['PII'] }, properties: { a: '1' }, sensitive: ['a'] },
  ruleSet: {
    domainRules: [
      { name: 'r', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', tags: ['PII'], params: { p: 'v' }, expr: 'true', disabled: false },
    ],
  },
  schema: 'syntax = "proto3";',
  deleted: false,
}

const associationName = { resourceName: 't', resourceNamespace: 'n', resourceType: 'topic', associationType: 'key', subject: 's' }
const associationKey =
  '{"keytype":"ASSOC","tenant":"default","resourceName":"t","resourceNamespace":"n","resourceType":"topic","associationType":"key","subject":"s","magic":0}'
const lines: readonly (readonly [string, RegistryRecord, string, string | null])[] = [
  [
    'an Avro schema, without its type',
    {
      type: 'SCHEMA',
      subject: 'a',
      version: 1,
      value: {
        ...schema,
        subject: 'a',
        version: 1,
        id: 1,
        schemaType: 'AVRO',
        references: [],
        metadata: null,
        ruleSet: null,
        schema: '"string"',
      },
    },
    '{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}',
    '{"subject":"a","version":1,"id":1,"schema":"\\"string\\"","deleted":false}',
  ],
  [
    'a schema with everything',
    { type: 'SCHEMA', subject: 'a-value', version: 2, value: schema },
    '{"keytype":"SCHEMA","subject":"a-value","version":2,"magic":1}',
    '{"subject":"a-value","version":2,"id":7,"schemaType":"PROTOBUF","references":[{"name":"o.proto","subject":"o","version":1}],' +
      '"metadata":{"tags":{"x.y":["PII"]},"properties":{"a":"1"},"sensitive":["a"]},' +
      '"ruleSet":{"domainRules":[{"name":"r","kind":"CONDITION","mode":"WRITE","type":"CEL","tags":["PII"],"params":{"p":"v"},"expr":"true","disabled":false}]},' +
      '"schema":"syntax = \\"proto3\\";","deleted":false}',
  ],
  [
    'a tombstone',
    { type: 'SCHEMA', subject: 'a', version: 1, value: null },
    '{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}',
    null,
  ],
  [
    'the global config',
    { type: 'CONFIG', subject: null, value: { compatibilityLevel: 'FULL' } },
    '{"keytype":"CONFIG","magic":0}',
    '{"compatibilityLevel":"FULL"}',
  ],
  [
    'the config of a subject',
    { type: 'CONFIG', subject: 'a', value: { compatibilityLevel: 'NONE', alias: 'b', normalize: true } },
    '{"keytype":"CONFIG","subject":"a","magic":0}',
    '{"subject":"a","alias":"b","normalize":true,"compatibilityLevel":"NONE"}',
  ],
  [
    'a mode',
    { type: 'MODE', subject: 'a', value: 'IMPORT' },
    '{"keytype":"MODE","subject":"a","magic":0}',
    '{"subject":"a","mode":"IMPORT"}',
  ],
  [
    'a deleted subject',
    { type: 'DELETE_SUBJECT', subject: 'a', value: 3 },
    '{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}',
    '{"subject":"a","version":3}',
  ],
  [
    'a cleared subject',
    { type: 'CLEAR_SUBJECT', subject: 'a', value: true },
    '{"keytype":"CLEAR_SUBJECT","subject":"a","magic":0}',
    '{"subject":"a"}',
  ],
  [
    'a context',
    { type: 'CONTEXT', context: '.c', value: true },
    '{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}',
    '{"tenant":"default","context":".c"}',
  ],
  [
    'an association',
    {
      type: 'ASSOC',
      name: associationName,
      value: { ...associationName, guid: 'g', resourceId: 'i', lifecycle: 'STRONG', frozen: true, createTs: null },
    },
    associationKey,
    '{"guid":"g","tenant":"default","resourceName":"t","resourceNamespace":"n","resourceId":"i","resourceType":"topic","associationType":"key","subject":"s","lifecycle":"STRONG","frozen":true}',
  ],
  ['an association that was deleted', { type: 'ASSOC', name: associationName, value: null }, associationKey, null],
  ['nothing', { type: 'NOOP' }, '{"keytype":"NOOP","magic":0}', null],
]

describe('records', () => {
  test.each(lines)('%s is written as Confluent writes it, and read again', (_, record, key, value) => {
    expect([formatKey(keyOf(record)), formatValue(record)]).toEqual([key, value])
    expect(readRecord(key, value)).toEqual(record)
  })

  test('fields in another order, with others that are unknown, and the type of Avro', () => {
    const value =
      '{"deleted":false,"schema":"\\"string\\"","schemaType":"AVRO","references":[],"metadata":null,"version":1,"id":1,"subject":"a","schemaTags":[1]}'
    expect(readRecord('{"magic":0,"version":1,"keytype":"SCHEMA","subject":"a"}', value)).toEqual(lines[0]![1])
  })

  test('a key of an older version, with a subject that is null', () => {
    expect(readRecord('{"keytype":"CONFIG","subject":null,"magic":0}', '{"compatibilityLevel":"FULL"}')).toEqual(lines[3]![1])
  })

  test('kinds that this registry does not have are left out; what cannot be read is an error', () => {
    expect(readRecord('{"keytype":"LATER","tenant":"default","magic":0}', '{"guid":"x"}')).toBeNull()
    for (const [key, value] of [
      ['not json', null],
      ['[]', null],
      ['{"keytype":"SCHEMA","subject":"a","version":1,"magic":2}', null],
      ['{"keytype":"SCHEMA","subject":"a","magic":1}', null],
      ['{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}', '{"id":1}'],
      ['{"keytype":"MODE","subject":"a","magic":0}', '{"mode":"SOME"}'],
      ['{"keytype":"CONTEXT","magic":0}', '{}'],
      ['{"keytype":"ASSOC","tenant":"default","magic":0}', '{"guid":"x"}'],
      [associationKey, '{"guid":"x"}'],
    ] as const)
      expect(() => readRecord(key, value), key).toThrow(UnreadableRecord)
  })
})
