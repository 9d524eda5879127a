/**
 * Goal: test cases pass exactly where the record comes out as they say, and a wrong file says what is wrong with it. Method: cases over
 * a rehearsal.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OfflineWorker } from '../../../connect/offline/offline-worker.ts'
import { openRehearsal, type Rehearsal } from '../../../connect/offline/rehearsal.ts'
import { readTestCases, runTestCase } from '../../../connect/offline/test-cases.ts'
import { offlineWorker } from './offline-fixture.ts'

const config = {
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': 'false',
  transforms: 'hoist',
  'transforms.hoist.type': 'org.apache.kafka.connect.transforms.HoistField$Value',
  'transforms.hoist.field': 'line',
}
let worker: OfflineWorker
let rehearsal: Rehearsal
beforeAll(async () => {
  worker = await offlineWorker()
  rehearsal = openRehearsal(config, worker)
})
afterAll(() => worker.close())

const input = { topic: 't', value: 'a' }

test.each([
  { expected: { value: { line: 'a' } }, problems: [] },
  { expected: { topic: 't', key: null, value: { line: 'a' } }, problems: [] },
  { expected: { value: { line: 'b' } }, problems: ['value: expected {"line":"b"}, got {"line":"a"}'] },
  { expected: { timestamp: 5 }, problems: ['timestamp: expected 5, got nothing'] },
  { expected: null, problems: ['it must be dropped, but is not'] },
])('a source record that is expected to be $expected', async ({ expected, problems }) => {
  const { passed, problems: found } = await runTestCase(rehearsal, 'source', { name: 'n', input, expected })
  expect(found).toEqual(problems)
  expect(passed).toBe(problems.length === 0)
})

test('a failure that is expected by a part of its message', async () => {
  const broken = { topic: 't', value: '{' }
  const run = (error: string) => runTestCase(rehearsal, 'sink', { name: 'n', input: broken, error })
  expect(await run('serialization error')).toMatchObject({ passed: true, problems: [] })
  expect((await run('something else')).problems[0]).toMatch(/^it must fail with "something else", but fails with "/)
  const { problems } = await runTestCase(rehearsal, 'source', { name: 'n', input, error: 'any' })
  expect(problems).toEqual(['it must fail with "any", but it does not fail'])
})

describe('a file that cannot be used', () => {
  test.each([
    ['{', 'it is not valid JSON'],
    ['[]', 'it needs "cases"'],
    ['{"cases":[]}', 'it needs "cases"'],
    ['{"cases":[{"input":{}}]}', 'case 1 needs expected'],
    ['{"cases":[{"input":{},"expected":null,"error":"x"}]}', 'case 1 has expected and error'],
    ['{"cases":[{"input":{"val":1},"expected":null}]}', 'case 1: input has the unknown field "val"'],
    ['{"cases":[{"input":{},"expectd":null}]}', 'case 1 has the unknown field "expectd"'],
    ['{"cases":[{"input":[],"expected":null}]}', 'case 1: input must be a record'],
  ])('%s', (text, message) => {
    expect(() => readTestCases(text)).toThrow(message)
  })
})

test('a case without a name is named by its place', () => {
  expect(readTestCases('{"cases":[{"input":{},"expected":null}]}')).toEqual([{ name: 'case 1', input: {}, expected: null }])
})
