/**
 * Goal: large schemas are compared in a thread, and requests go on meanwhile; what takes too long is given up with a sentence that helps.
 * Method: the decisions of a registry without a topic, with JSON schemas that have many branches.
 */
import { describe, expect, test } from 'vitest'
import { realSystem } from '../../core/system/index.ts'
import { CompatibilityChecks } from '../../registry/compatibility-checks.ts'
import { decideRegister } from '../../registry/registration.ts'
import type { RegistryRecord } from '../../registry/topic-records.ts'
import { RegistryInMemory, refusal } from './registry-in-memory.ts'

const branches = (count: number, suffix = '') => ({
  schemaType: 'JSON',
  schema: JSON.stringify({
    oneOf: Array.from({ length: count }, (_, index) => ({
      type: 'object',
      properties: { [`p${index}${suffix}`]: { type: 'string' } },
      required: [`p${index}${suffix}`],
      additionalProperties: false,
    })),
  }),
})

const requested = ({ schemaType, schema }: ReturnType<typeof branches>) => ({
  schemaType: schemaType as 'JSON',
  schema,
  references: [],
  metadata: null,
  ruleSet: null,
  id: -1,
  version: 0,
})

describe('a schema of 600 branches', () => {
  const registry = new RegistryInMemory()
  registry.register('s', branches(600))
  const checks = new CompatibilityChecks(registry.context.parsed, realSystem('silent'))
  const options = { normalize: false, force: false }

  test('gets one branch more, and other work goes on', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    const { answer } = await checks.decide(registry.context, (context) => decideRegister(context, 's', requested(branches(601)), options))
    clearInterval(timer)
    expect(answer.version).toBe(2)
    expect(turns).toBeGreaterThan(5)
  })

  test('is refused with the differences of the thread', async () => {
    const records: RegistryRecord[] = []
    const attempt = checks.decide(registry.context, (context) => decideRegister(context, 's', requested(branches(600, 'x')), options))
    const error = await attempt.then(({ records: made }) => records.push(...made)).catch((cause: unknown) => cause)
    const [status, , message] = refusal(() => {
      throw error
    })!
    expect([status, records]).toEqual([409, []])
    expect(message).toContain('COMBINED_TYPE_SUBSCHEMAS_CHANGED')
  })

  test('is given up where the registry closes', async () => {
    const closing = new CompatibilityChecks(registry.context.parsed, realSystem('silent'))
    const attempt = closing.decide(registry.context, (context) => decideRegister(context, 's', requested(branches(602)), options))
    closing.close()
    await expect(attempt).rejects.toThrow('The registry is shutting down.')
  })
})

test('a small check is made at once', async () => {
  const registry = new RegistryInMemory()
  registry.register('s', branches(2))
  const checks = new CompatibilityChecks(registry.context.parsed, realSystem('silent'))
  let calls = 0
  const { answer } = await checks.decide(registry.context, (context) => {
    calls++
    return decideRegister(context, 's', requested(branches(3)), { normalize: false, force: false })
  })
  expect([answer.version, calls]).toEqual([2, 1])
})

test('a check that takes too long is refused, with what to do', async () => {
  const registry = new RegistryInMemory()
  registry.register('s', branches(600))
  const system = realSystem('silent')
  // Time passes thirty thousand times as fast.
  const fast = { ...system.clock, sleep: (_ms: number, signal?: AbortSignal) => system.clock.sleep(1, signal) }
  const checks = new CompatibilityChecks(registry.context.parsed, { ...system, clock: fast })
  const options = { normalize: false, force: false }
  await expect(
    checks.decide(registry.context, (context) => decideRegister(context, 's', requested(branches(601)), options)),
  ).rejects.toThrow(/takes more than 30 seconds to check\. Make the schema smaller, or set the compatibility of the subject to NONE\.$/)
})
