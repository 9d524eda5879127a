/**
 * Goal: Avro schemas mean here what they mean in Java: the same texts are accepted, Schema.toString gives the same text, and
 * SchemaCompatibility finds the same differences at the same places. Method: generated schemas and pairs go to both.
 */
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkBackward, InvalidSchemaError, parseSchema } from '../../registry/formats/index.ts'
import { schemaPair } from '../registry/formats/avro/schemas.ts'
import { javaProgram } from './java-program.ts'
import { mavenClassPath } from './maven-jars.ts'

const SAMPLES = 3000
const JAVA_MS = 300_000

describe('Avro schemas', async () => {
  const jars = await mavenClassPath('avro', ['org.apache.avro:avro:1.12.1', 'org.slf4j:slf4j-nop:2.0.17'])
  const java = await javaProgram('avro-oracle', jars)

  /** The answers of Java to all requests, in one run. */
  function ask(requests: readonly (readonly string[])[]): string[][] {
    const input = requests.map(([verb, ...texts]) => [verb, ...texts.map((text) => Buffer.from(text).toString('base64'))].join(' '))
    const run = spawnSync(java.command, java.args(), { input: `${input.join('\n')}\n`, timeout: JAVA_MS, maxBuffer: 1 << 28 })
    expect(run.status, String(run.stderr)).toBe(0)
    const lines = run.stdout.toString().trimEnd().split('\n')
    return lines.map((line) =>
      line
        .trim()
        .split(' ')
        .map((word) => Buffer.from(word, 'base64').toString()),
    )
  }

  const parsed = (text: string) => {
    try {
      return parseSchema('AVRO', text, [], { isNew: true })
    } catch (error) {
      if (error instanceof InvalidSchemaError) return error
      throw error
    }
  }

  test('are accepted or refused, and written, as Java does', { timeout: JAVA_MS }, () => {
    const texts = [...fc.sample(schemaPair, SAMPLES).flatMap((pair) => pair.map((draft) => JSON.stringify(draft))), ...handWritten]
    const answers = ask(texts.map((text) => ['parse', text]))
    const different = texts.flatMap((text, index) => {
      const ours = parsed(text)
      const [kind, theirs] = answers[index]!
      const own = ours instanceof InvalidSchemaError ? 'error' : ours.canonical
      return own === (kind === 'error' ? 'error' : theirs) ? [] : [{ text, theirs, own, why: String(ours) }]
    })
    expect(different.slice(0, 5)).toEqual([])
    const accepted = answers.filter(([kind]) => kind === 'schema')
    expect(accepted.length).toBeGreaterThan(SAMPLES)
  })

  test('differ where Java finds a difference', { timeout: JAVA_MS }, () => {
    const pairs = fc
      .sample(schemaPair, SAMPLES)
      .map((pair) => pair.map((draft) => JSON.stringify(draft)))
      .filter((pair) => pair.every((text) => !(parsed(text) instanceof InvalidSchemaError)))
    const answers = ask(pairs.map((pair) => ['check', ...pair]))
    const different = pairs.flatMap(([reader, writer], index) => {
      const [kind, ...theirs] = answers[index]!
      const ours = checkBackward(parseSchema('AVRO', writer!, []), parseSchema('AVRO', reader!, []))
      if (kind === 'error') return /^Unexpected exception/.test(ours[0] ?? '') ? [] : [{ reader, writer, theirs, own: [...ours] }]
      const own = ours.map((text) => {
        const [, type, , message] = /^\{errorType:'(\w+)', description:'(.*)', additionalInfo:'(.*)'\}$/s.exec(text) ?? []
        return `${type}|${/path '([^']*)'/.exec(text)?.[1]}|${message}`
      })
      return JSON.stringify(own) === JSON.stringify(theirs) ? [] : [{ reader, writer, theirs, own }]
    })
    expect(different.slice(0, 5)).toEqual([])
    const verdicts = answers.map((answer) => answer.length > 1)
    expect(verdicts.filter(Boolean).length).toBeGreaterThan(pairs.length / 20)
    expect(verdicts.filter((verdict) => !verdict).length).toBeGreaterThan(pairs.length / 20)
  })
})

/** What the generator does not reach. */
const handWritten = [
  '"string"',
  '{"type":"string"}',
  '{"type":"string","avro.java.string":"String"}',
  '["null","string"]',
  '[]',
  'nothing',
  '"Unknown"',
  '{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"],"default":null}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"S"},{"name":"b","type":{"type":"fixed","name":"S","size":3}}]}',
  '{"type":"record","name":"R","namespace":"a.b","fields":[{"name":"x","type":{"type":"enum","name":"int","symbols":["A"]}},{"name":"y","type":"a.b.int"}]}',
  '{"type":"record","name":"R","namespace":"a.b","fields":[{"name":"x","type":{"type":"fixed","name":"F","namespace":"","size":1}},{"name":"y","type":"F"}]}',
  '{"type":"record","name":"R","namespace":"a-b","fields":[]}',
  '{"type":"record","name":"a.b.R","namespace":"c","aliases":["Q","d.S","a.b.T"],"fields":[]}',
  '{"type":"record","name":"1R","fields":[]}',
  '{"type":"record","name":"R","fields":[{"name":"é","type":"int"}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":3000000000}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"long","default":3000000000}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":"NaN"},{"name":"b","type":"double","default":"1"}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"double","default":1e10},{"name":"b","type":"float","default":0.00001}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"],"default":5}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":"int"},"default":[1,2]}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"record","name":"S","fields":[{"name":"x","type":"int"},{"name":"y","type":"int","default":1}]},"default":{"x":1}}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"int","order":"IGNORE"},{"name":"b","type":"int","order":"none"}]}',
  '{"type":"record","name":"R","fields":[{"name":"a","type":"int","order":"Ignore","logicalType":"date","x":{"z":1,"y":2}}]}',
  '{"type":"error","name":"E","doc":"","fields":[]}',
  '{"type":"enum","name":"E","symbols":["A","A"]}',
  '{"type":"enum","name":"E","symbols":["A"],"default":"B"}',
  '{"type":"enum","name":"E","symbols":["A"],"default":"A","extra":null}',
  '{"type":"fixed","name":"F","size":"1"}',
  '{"type":"fixed","name":"F","size":-1}',
  '{"type":"fixed","name":"string","size":1}',
  '{"type":"map"}',
  '{"type":{"type":"int"}}',
  '[["null"],"int"]',
  '["int","int"]',
  '/* a comment */ {"type":"int" // and another\n}',
  '{"type":"int"} trailing',
  '{"type":"int","p":1.0,"q":1e2,"r":-0,"s":123456789012345678901234567890}',
  '["null",{"type":"fixed","name":"F","size":1},{"type":"record","name":"R","fields":[{"name":"f","type":"F"}]}]',
]
