/**
 * Goal: protobuf schemas are read, written, normalized and compared as Confluent's registry does. Method: one text with every kind of
 * declaration and its layout; pairs of schemas for each rule; properties over generated files.
 */
import { create, createFileRegistry, fromBinary, getExtension, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, file_google_protobuf_descriptor, file_google_protobuf_timestamp } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkBackward, InvalidSchemaError, parseSchema } from '../../../../registry/formats/index.ts'

const proto = (text: string, references: { name: string; text: string }[] = [], isNew = true) =>
  parseSchema('PROTOBUF', text, references, { isNew })
const proto3 = (body: string) => `syntax = "proto3"; ${body}`

const check = (writer: string, reader: string, old: { name: string; text: string }[] = [], now = old) =>
  checkBackward(proto(writer, old), proto(reader, now)).map((text) => {
    return `${/^\{errorType:"(\w+)", description:".*"\}$/.exec(text)![1]} ${/'(#[^']*)'/.exec(text)![1]}`
  })

const everything = `// A comment.
syntax = 'proto2'; package a.b;
import public "p.proto"; import "google/protobuf/descriptor.proto"; import weak "w.proto";
option java_package = "x." 'y'; option (my).foo.(bar.baz) = 1;
option (opt) = { a: 1, b: ["x", 'y'] c { d: TRUE } [e.f]: 2.5; list: 1 list: 2 };
message M {
  reserved 1, 3 to 5, 1000 to max; reserved "x", 'y';
  required string s = 0x2 [default = "a\\"b\\x41\\n", json_name="S", (o) = 5];
  map < string , M > m = 8;
  oneof choice { option (z) = 1; int32 a = 9; group H = 10 { optional int32 q = 1; } }
  option deprecated = true;
  optional group G = 7 { optional int32 q = 1; }
  extensions 100 to 199, 200 [verification = UNVERIFIED];
  enum E { option allow_alias = true; reserved 7; A = 0; B = 0 [deprecated = true]; C = -1; }
  extend .google.protobuf.FieldOptions { optional int32 ff = 50000; }
  message N {};
}
/* Another. */
service S { option deprecated = true; rpc R (stream M) returns (M) { option idempotency_level = IDEMPOTENT; } rpc T(M.N) returns (stream .a.b.M); }
`

const canonical = `syntax = "proto2";
package a.b;

import "google/protobuf/descriptor.proto";
import public "p.proto";
import weak "w.proto";

option java_package = "x.y";
option (my).foo.(bar.baz) = 1;
option (opt) = {
  a: 1,
  b: [
    "x",
    "y"
  ],
  c: {
    d: TRUE
  },
  [e.f]: 2.5,
  list: [
    1,
    2
  ]
};

message M {
  reserved 1, 3 to 5, 1000 to max;
  reserved "x", "y";

  option deprecated = true;

  required string s = 2 [
    (o) = 5,
    default = "a\\"bA\\n",
    json_name = "S"
  ];
  map<string, M> m = 8;

  oneof choice {
    option (z) = 1;
  
    int32 a = 9;
  
    group H = 10 {
      optional int32 q = 1;
    }
  }

  optional group G = 7 {
    optional int32 q = 1;
  }

  extensions 100 to 199, 200 [verification = UNVERIFIED];

  extend .google.protobuf.FieldOptions {
    optional int32 ff = 50000;
  }

  message N {}
  enum E {
    reserved 7;
    option allow_alias = true;
    A = 0;
    B = 0 [deprecated = true];
    C = -1;
  }
}

service S {
  option deprecated = true;

  rpc R (stream M) returns (M) {
    option idempotency_level = IDEMPOTENT;
  };
  rpc T (M.N) returns (stream .a.b.M);
}
`

describe('the text', () => {
  test('keeps all declarations, in the layout of Confluent', () => {
    const parsed = proto(everything)
    expect(parsed.canonical).toBe(canonical)
    expect(proto(canonical).canonical).toBe(canonical)
    expect(parsed.name).toBe('a.b.M')
  })

  test('without extensions has no option in parentheses but those of Confluent', () => {
    const text = proto(`${everything} extend M { optional int32 x = 100 [(confluent.field_meta).doc = "d", (other) = 1]; }`)
    expect(text.formatted('ignore_extensions')).not.toMatch(/\((my|opt|o|z|other)\)|extend/)
    expect(text.formatted('')).toContain('(confluent.field_meta).doc = "d"')
  })

  test('in its normalized form has full names, and is sorted by numbers and names', () => {
    const text = `syntax = "proto2"; package a; import "b.proto"; import "a.proto";
      message M { optional N n = 2 [deprecated = true, (fo) = {b: 1.50, a: [1]}]; optional string s = 1; reserved 9, 7 to 7; map<string, N> m = 3;
        oneof late { int32 z = 9; int32 y = 8; } oneof early { int32 x = 4; } message N { enum E { B = 1; A = 0; } } }
      extend google.protobuf.FieldOptions { optional M fo = 1000; }`
    expect(proto(text).normalized()).toBe(`package a;

import "a.proto";
import "b.proto";

message M {
  reserved 7;
  reserved 9;

  optional string s = 1;
  optional .a.M.N n = 2 [
    (a.fo) = {
      a: 1,
      b: 1.5
    },
    deprecated = true
  ];
  map<string, .a.M.N> m = 3;

  oneof early {
    int32 x = 4;
  }
  oneof late {
    int32 y = 8;
    int32 z = 9;
  }

  message N {
    enum E {
      A = 0;
      B = 1;
    }
  }
}

extend .google.protobuf.FieldOptions {
  optional .a.M fo = 1000;
}
`)
  })

  test.each([
    ['message M { int32 a = 1; }', 'unexpected label: int32'],
    [proto3('message M { required int32 a = 1; }'), "'required' label forbidden in proto3 field declarations"],
    [proto3('message M { repeated map<string, string> a = 1; }'), "'map' type cannot have label"],
    [proto3('message M { int32 a = x; }'), 'expected an integer but was x'],
    [proto3('message M { int32 1a = 1; }'), 'names cannot start with a digit'],
    [proto3('message M {} message M {}'), 'M is already defined'],
    [proto3('message M { Unknown a = 1; }'), 'Could not resolve type: Unknown'],
    [proto3('message M {'), 'unexpected end of file'],
    ['edition = "2023"; message M {}', 'edition is not currently supported'],
    ['message M {} syntax = "proto3";', "'syntax' element must be the first declaration in a file"],
    [proto3('/* never closed'), 'unterminated comment'],
    [proto3('message M { string a = 1 [default = "x; }'), 'unterminated string'],
    [proto3('message A {'.repeat(200) + '}'.repeat(200)), 'messages nest deeper than 100'],
    [proto3(`option (a) = ${'{ b '.repeat(200)}${'}'.repeat(200)};`), 'an option nests deeper than 100'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => proto(text)).toThrow(InvalidSchemaError)
    expect(() => proto(text)).toThrow(why)
  })

  test('says the line and column of an error', () => {
    expect(() => proto('syntax = "proto3";\nmessage M {\n  int32 a = 1\n}')).toThrow('Could not parse Protobuf - Syntax error in :4:1')
  })

  test('may be a compiled file', () => {
    const compiled = Buffer.from(toBinary(FileDescriptorProtoSchema, file_google_protobuf_timestamp.proto)).toString('base64')
    const parsed = proto(compiled)
    expect(parsed.canonical).toContain('message Timestamp {')
    expect(parsed.canonical).toContain('int64 seconds = 1')
    expect(parsed.name).toBe('google.protobuf.Timestamp')
  })

  test('of a compiled file has its options, and a map again in the normalized form', () => {
    const file = create(FileDescriptorProtoSchema, {
      name: 'x.proto',
      package: 'p',
      syntax: 'proto3',
      options: { javaMultipleFiles: true, optimizeFor: 1, goPackage: 'g' },
      messageType: [
        {
          name: 'M',
          reservedRange: [{ start: 5, end: 6 }],
          field: [
            { name: 'm', number: 1, label: 3, type: 11, typeName: '.p.M.MEntry' },
            { name: 'o', number: 2, label: 1, type: 9, oneofIndex: 0, options: { deprecated: true } },
          ],
          oneofDecl: [{ name: 'choice' }],
          nestedType: [
            {
              name: 'MEntry',
              options: { mapEntry: true },
              field: [
                { name: 'key', number: 1, label: 1, type: 9 },
                { name: 'value', number: 2, label: 1, type: 5 },
              ],
            },
          ],
        },
      ],
    })
    const parsed = proto(Buffer.from(toBinary(FileDescriptorProtoSchema, file)).toString('base64'))
    expect(parsed.canonical).toContain('option java_multiple_files = true;\noption optimize_for = SPEED;\noption go_package = "g";')
    expect(parsed.canonical).toContain('option map_entry = true;')
    const text = proto3(
      'package p; option java_multiple_files = true; option optimize_for = SPEED; option go_package = "g"; message M { reserved 5; map<string, int32> m = 1; oneof choice { string o = 2 [deprecated = true]; } }',
    )
    expect(parsed.normalized()).toBe(proto(text).normalized())
    expect(checkBackward(parsed, proto(text))).toEqual([])
  })
})

describe('the compiled file', () => {
  const compiled = (text: string) => {
    const serialized = proto(text).formatted('serialized')
    return { serialized, file: fromBinary(FileDescriptorProtoSchema, Buffer.from(serialized, 'base64')) }
  }

  test('has types, maps, oneofs, groups, ranges and services, and makes a registry', () => {
    const text = everything
      .replace(/import (public|weak) "\w.proto";/g, '')
      .replace(/option \((my|opt)\).*;|option \(z\) = 1;|, \(o\) = 5/g, '')
    const { file } = compiled(text)
    const registry = createFileRegistry(file, (name) =>
      name === 'google/protobuf/descriptor.proto' ? file_google_protobuf_descriptor.proto : undefined,
    )
    const message = registry.getMessage('a.b.M')!
    expect(message.fields.map((each) => `${each.name} ${each.fieldKind} ${each.number}`).sort()).toEqual([
      'a scalar 9',
      'g message 7',
      'h message 10',
      'm map 8',
      's scalar 2',
    ])
    expect(message.oneofs.map((oneof) => oneof.fields.map((each) => each.name))).toEqual([['a', 'h']])
    expect(message.proto.reservedRange.map(({ start, end }) => [start, end])).toEqual([
      [1, 2],
      [3, 6],
      [1000, 536870912],
    ])
    expect(message.fields.find((each) => each.name === 's')!.proto.defaultValue).toBe('a"bA\n')
    expect(registry.getEnum('a.b.M.E')!.value[-1]!.name).toBe('C')
    expect(registry.getExtension('a.b.M.ff')!.extendee.typeName).toBe('google.protobuf.FieldOptions')
    expect(registry.getService('a.b.S')!.methods.map((each) => each.methodKind)).toEqual(['client_streaming', 'server_streaming'])
    expect(file.options!.javaPackage).toBe('x.y')
  })

  test('is the same schema when it comes back', () => {
    const text = proto3(`package p; import "google/protobuf/timestamp.proto"; option java_multiple_files = true;
      message M { optional int32 a = 1; repeated M b = 2 [deprecated = true]; map<string, google.protobuf.Timestamp> first_name = 3;
        oneof o { E e = 4; string s = 5 [json_name = "S"]; } reserved "x", 7 to 9; message N { float f = 1 [packed = false]; } N n = 6; }
      enum E { A = 0; reserved 3, 5 to 6; } service S { rpc R (M) returns (stream M) { option idempotency_level = NO_SIDE_EFFECTS; } }`)
    const { serialized } = compiled(text)
    const again = proto(serialized)
    expect(again.normalized()).toBe(proto(text).normalized())
    expect(again.formatted('serialized')).toBe(proto(again.canonical).formatted('serialized'))
  })

  test("has Confluent's metadata as an extension, and gives it back", () => {
    const meta =
      '(confluent.field_meta) = { doc: "d", params: [{ value: "2", key: "scale" }], tags: ["PII", "X"], rules: [{ name: "r", expr: "e" }] }'
    const text = proto3(
      `import "confluent/meta.proto"; message M { string a = 1 [${meta}]; bytes b = 2 [(confluent.field_meta).doc = "e"]; }`,
    )
    const { serialized, file } = compiled(text)
    const known = fromBinary(
      FileDescriptorProtoSchema,
      Buffer.from(
        proto(
          proto3(
            'package confluent; import "google/protobuf/descriptor.proto"; message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; } extend google.protobuf.FieldOptions { Meta field_meta = 1088; }',
          ),
        ).formatted('serialized'),
        'base64',
      ),
    )
    const registry = createFileRegistry(known, () => file_google_protobuf_descriptor.proto)
    const options = file.messageType[0]!.field.map((each) => each.options!)
    const read = options.map(
      (each) =>
        getExtension(each, registry.getExtension('confluent.field_meta')!) as never as { doc: string; params: object; tags: string[] },
    )
    expect(read.map(({ doc, params, tags }) => ({ doc, params, tags }))).toEqual([
      { doc: 'd', params: { scale: '2' }, tags: ['PII', 'X'] },
      { doc: 'e', params: {}, tags: [] },
    ])
    expect(proto(serialized).canonical).toContain(`(confluent.field_meta) = {
    doc: "d",
    params: [
      {
        value: "2",
        key: "scale"
      }
    ],
    tags: [
      "PII",
      "X"
    ],
    rules: [
      {
        name: "r",
        expr: "e"
      }
    ]
  }`)
  })
})

describe('a message', () => {
  test('has the words of Confluent', () => {
    const texts = checkBackward(proto(proto3('message M { string a = 1; }')), proto(proto3('message M { int32 a = 1; }')))
    expect(texts).toEqual([
      `{errorType:"FIELD_SCALAR_KIND_CHANGED", description:"The kind of a SCALAR field at path '#/M/1' in the new schema does not match its kind in the old schema"}`,
    ])
  })
})

describe('a schema', () => {
  const message = (body: string) => proto3(`message M { ${body} } message N { int32 n = 1; } enum E { A = 0; }`)
  const old = (body: string) => `syntax = "proto2"; message M { ${body} }`

  test.each([
    ['PACKAGE_CHANGED #/', proto3('package a; message M {}'), proto3('package b; message M {}')],
    ['MESSAGE_REMOVED #/M', proto3('message M {}'), proto3('message O {}')],
    ['MESSAGE_REMOVED #/M/I', message('message I {}'), message('')],
    ['FIELD_KIND_CHANGED #/M/1', message('string a = 1;'), message('N a = 1;')],
    ['FIELD_KIND_CHANGED #/M/1', message('map<string, string> a = 1;'), message('string a = 1;')],
    ['FIELD_SCALAR_KIND_CHANGED #/M/1', message('int32 a = 1;'), message('sint32 a = 1;')],
    ['FIELD_SCALAR_KIND_CHANGED #/M/1', message('map<string, string> a = 1;'), message('map<string, int32> a = 1;')],
    ['FIELD_NAMED_TYPE_CHANGED #/M/1', message('N a = 1;'), message('message O {} O a = 1;')],
    ['FIELD_NUMERIC_LABEL_CHANGED #/M/1', old('optional int32 a = 1;'), old('repeated int32 a = 1;')],
    ['REQUIRED_FIELD_ADDED #/M/1', old(''), old('required int32 a = 1;')],
    ['REQUIRED_FIELD_REMOVED #/M/1', old('required int32 a = 1;'), old('')],
    ['ONEOF_FIELD_REMOVED #/M/o/1', message('oneof o { int32 a = 1; int32 b = 2; }'), message('oneof o { int32 b = 2; }')],
    ['MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o', message('int32 a = 1; int32 b = 2;'), message('oneof o { int32 a = 1; int32 b = 2; }')],
    [
      'FIELD_MOVED_TO_EXISTING_ONEOF #/M/o',
      message('oneof o { int32 a = 1; } int32 b = 2;'),
      message('oneof o { int32 a = 1; int32 b = 2; }'),
    ],
  ])('cannot read what another one wrote: %s', (expected, writer, reader) => {
    expect(check(writer, reader)).toEqual([expected])
  })

  test.each([
    ['a field is added, removed or renamed', message('int32 a = 1; int32 b = 2;'), message('int32 x = 1; int32 c = 3;')],
    ['a type stays of one kind', message('int32 a = 1; string b = 2; E c = 3;'), message('bool a = 1; bytes b = 2; uint64 c = 3;')],
    ['one field moves into a new oneof', message('int32 a = 1;'), message('oneof o { int32 a = 1; int32 b = 2; }')],
    ['a whole oneof goes', message('oneof o { int32 a = 1; }'), message('')],
    ['a field leaves its oneof', message('oneof o { int32 a = 1; }'), message('int32 a = 1;')],
    ['an enum loses a constant', proto3('enum E { A = 0; B = 1; } message M {}'), proto3('enum E { Z = 0; } message M {}')],
    ['the label of a text changes', old('optional string a = 1;'), old('repeated string a = 1;')],
  ])('can read what another one wrote when %s', (_, writer, reader) => {
    expect(check(writer, reader)).toEqual([])
  })
})

describe('a reference', () => {
  const reference = (text: string) => [{ name: 'r.proto', text: `syntax = "proto3"; package r; ${text}` }]
  const user = proto3('import "r.proto"; message M { r.N n = 1; }')

  test('is compared where its types are used', () => {
    expect(check(user, user, reference('message N { int32 a = 1; }'), reference('message N { int64 a = 1; }'))).toEqual([])
    expect(check(user, user, reference('message N { int32 a = 1; }'), reference('message N { string a = 1; }'))).toEqual([
      'FIELD_SCALAR_KIND_CHANGED #/N/1',
      'FIELD_NAMED_TYPE_CHANGED #/M/1',
    ])
  })

  test('with many recursive types is compared once', () => {
    const web = (type: string) =>
      reference(
        Array.from(
          { length: 60 },
          (_, at) => `message ${at === 0 ? 'N' : `N${at}`} { ${at < 59 ? `N${at + 1} a = 1; N${at + 1} b = 2;` : ''} ${type} c = 3; }`,
        ).join('\n'),
      )
    expect(check(user, user, web('int32'), web('int64'))).toEqual([])
    const found = check(user, user, web('int32'), web('string'))
    expect(found).toHaveLength(1000)
    expect(found[0]).toBe('FIELD_SCALAR_KIND_CHANGED #/N59/3')
  })

  test('with thousands of types in a row needs no deep stack', () => {
    const row = (type: string) =>
      reference(
        Array.from({ length: 1500 }, (_, at) => `message ${at === 0 ? 'N' : `N${at}`} { ${at < 1499 ? `N${at + 1}` : type} a = 1; }`).join(
          '\n',
        ),
      )
    expect(check(user, user, row('int32'), row('int64'))).toEqual([])
    expect(check(user, user, row('int32'), row('string'))[0]).toBe('FIELD_SCALAR_KIND_CHANGED #/N1499/1')
  })

  test.each(['google.protobuf.Timestamp', 'google.type.Money', 'confluent.type.Decimal', 'google.protobuf.FieldOptions'])(
    'is not needed for %s',
    (type) => {
      expect(() => proto(proto3(`message M { ${type} a = 1; }`))).not.toThrow()
    },
  )
})

const field = fc.record({ type: fc.constantFrom('int32', 'string', 'bytes', 'N', 'M', 'E', 'map<string, N>'), oneof: fc.boolean() })
const file = fc.tuple(fc.array(field, { maxLength: 8 }), fc.boolean()).map(([fields, nested]) => {
  const text = fields.map(({ type }, index) => `${type} f${index} = ${20 - index};`)
  const inOneof = fields.map(({ type, oneof }) => oneof && !type.startsWith('map'))
  const own = text.filter((_, index) => !inOneof[index]).join(' ')
  const chosen = text.filter((_, index) => inOneof[index]).join(' ')
  return proto3(
    `message M { ${own} ${chosen && `oneof o { ${chosen} }`} ${nested ? 'message N { int32 own = 1; }' : ''} } message N {} enum E { A = 0; }`,
  )
})

test('a schema reads what it wrote, and its texts are fixed points', () => {
  fc.assert(
    fc.property(file, (text) => {
      const parsed = proto(text)
      expect(checkBackward(parsed, parsed)).toEqual([])
      expect(proto(parsed.canonical).canonical).toBe(parsed.canonical)
      expect(proto(parsed.normalized()).normalized()).toBe(parsed.normalized())
      expect(checkBackward(parsed, proto(parsed.normalized()))).toEqual([])
    }),
  )
})
