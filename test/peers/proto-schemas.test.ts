/**
 * Goal: .proto texts are read here as Wire reads them, which Confluent uses: the same texts are accepted, and the canonical text declares
 * what the text declared. Method: generated texts, whole and damaged, go to Wire, and so do the canonical texts that they have here.
 */
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidSchemaError } from '../../registry/formats/index.ts'
import { parseProto } from '../../registry/formats/protobuf/proto-parser.ts'
import { writeProto } from '../../registry/formats/protobuf/proto-writer.ts'
import { damagedProto, protoText } from '../registry/formats/protobuf/texts.ts'
import { javaProgram } from './java-program.ts'
import { mavenClassPath } from './maven-jars.ts'

const SAMPLES = 3000
const JAVA_MS = 300_000

describe('Proto texts', async () => {
  const java = await javaProgram('proto-oracle', await mavenClassPath('wire-7', ['com.squareup.wire:wire-schema-jvm:7.2.1']))

  /** The texts that Wire reads; empty where it refuses one. */
  function wire(texts: readonly string[]): string[] {
    const input = texts.map((text) => `${Buffer.from(text).toString('base64')}\n`).join('')
    const run = spawnSync(java.command, java.args(), { input, timeout: JAVA_MS, maxBuffer: 1 << 28 })
    expect(run.status, String(run.stderr)).toBe(0)
    const lines = run.stdout.toString().split('\n').slice(0, -1)
    return lines.map((line) => Buffer.from(line, 'base64').toString())
  }

  const canonical = (text: string): string | null => {
    try {
      return writeProto(parseProto(text))
    } catch (error) {
      if (error instanceof InvalidSchemaError) return null
      throw error
    }
  }

  test('are accepted or refused as Wire does, and lose nothing', { timeout: JAVA_MS }, () => {
    const texts = [...fc.sample(protoText, SAMPLES), ...fc.sample(damagedProto, SAMPLES)]
    const ours = texts.map(canonical)
    const theirs = wire(texts)
    const ofCanonical = wire(ours.map((text) => text ?? ''))
    const different = texts.flatMap((text, index) => {
      const read = theirs[index]!
      const own = ours[index] === null || read === '' ? (ours[index] ?? '') : ofCanonical[index]!
      return linesOf(own) === linesOf(read) ? [] : [{ text, own, theirs: read }]
    })
    expect(different.slice(0, 5)).toEqual([])
    expect(ours.filter((own) => own !== null).length).toBeGreaterThan(SAMPLES)
    expect(ours.filter((own) => own === null).length).toBeGreaterThan(SAMPLES / 10)
  })
})

/** Wire writes fields and oneofs by their places in the text, so the order of the lines does not count. */
const linesOf = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .sort()
    .join('\n')
