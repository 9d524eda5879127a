/**
 * The test cases of a connector's converters and transforms: `{"cases": [{"name", "input", "expected" | "error"}]}` in a file beside the
 * connector's. Of an expected record only the fields that it names are compared.
 */
import { isDeepStrictEqual } from 'node:util'
import { parseExactly } from '../sdk/index.ts'
import type { Rehearsal, Rehearsed } from './rehearsal.ts'
import { fieldsOfRecords, readConnectRecord, readKafkaRecord, type ShownRecord, stringify } from './shown-record.ts'

export interface TestCase {
  name: string
  input: ShownRecord
  /** Null where the record must be dropped. */
  expected?: ShownRecord | null
  /** A part of the message with which the record must fail. */
  error?: string
}

export interface TestResult {
  name: string
  passed: boolean
  rehearsed: Rehearsed
  /** What differs; empty where the case has passed. */
  problems: string[]
}

export class InvalidTestFile extends Error {
  override name = 'InvalidTestFile'
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws InvalidTestFile that names the case and the field. */
export function readTestCases(text: string): TestCase[] {
  let file: unknown
  try {
    file = parseExactly(text)
  } catch (cause) {
    throw new InvalidTestFile(`it is not valid JSON: ${(cause as Error).message}`, { cause })
  }
  const cases = isObject(file) ? file.cases : undefined
  if (!Array.isArray(cases) || cases.length === 0) throw new InvalidTestFile('it needs "cases", a list with at least one case')
  return cases.map((each: unknown, index) => {
    const where = `case ${index + 1}`
    if (!isObject(each)) throw new InvalidTestFile(`${where} must be an object`)
    const { name, input, expected, error, ...more } = each
    const [unknown] = Object.keys(more)
    if (unknown !== undefined)
      throw new InvalidTestFile(`${where} has the unknown field "${unknown}": it may have name, input, expected, error`)
    if (expected !== undefined && error !== undefined) throw new InvalidTestFile(`${where} has expected and error: one of them only`)
    if (expected === undefined && error === undefined)
      throw new InvalidTestFile(`${where} needs expected (null for a dropped record) or error`)
    if (error !== undefined && typeof error !== 'string') throw new InvalidTestFile(`${where}: error must be a text`)
    return {
      name: name === undefined ? where : String(name),
      input: recordIn(input, `${where}: input`),
      ...(error === undefined ? { expected: expected === null ? null : recordIn(expected, `${where}: expected`) } : { error }),
    }
  })
}

function recordIn(value: unknown, where: string): ShownRecord {
  if (!isObject(value)) throw new InvalidTestFile(`${where} must be a record: an object with ${fieldsOfRecords.join(', ')}`)
  const unknown = Object.keys(value).find((field) => !(fieldsOfRecords as readonly string[]).includes(field))
  if (unknown !== undefined)
    throw new InvalidTestFile(`${where} has the unknown field "${unknown}": a record has ${fieldsOfRecords.join(', ')}`)
  return value
}

export async function runTestCase(rehearsal: Rehearsal, type: 'source' | 'sink', each: TestCase): Promise<TestResult> {
  const rehearsed = await (type === 'source'
    ? rehearsal.source(readConnectRecord(each.input))
    : rehearsal.sink(readKafkaRecord(each.input)))
  const problems = problemsOf(each, rehearsed)
  return { name: each.name, passed: problems.length === 0, rehearsed, problems }
}

function problemsOf({ expected, error }: TestCase, { output, droppedBy, error: failure }: Rehearsed): string[] {
  if (error !== undefined) {
    if (failure === undefined) return [`it must fail with "${error}", but ${output === null ? 'it is dropped' : 'it does not fail'}`]
    return failure.message.includes(error) ? [] : [`it must fail with "${error}", but fails with "${failure.message}"`]
  }
  if (failure !== undefined) return [`it fails in ${failure.class} (${failure.stage}): ${failure.message}`]
  if (expected === null) return output === null ? [] : ['it must be dropped, but is not']
  if (output === null) return [`it is dropped by ${droppedBy}`]
  return fieldsOfRecords.flatMap((field) => {
    if (!Object.hasOwn(expected!, field) || isDeepStrictEqual(expected![field], output[field])) return []
    return [`${field}: expected ${stringify(expected![field])}, got ${stringify(output[field]) ?? 'nothing'}`]
  })
}
