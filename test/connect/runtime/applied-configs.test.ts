/**
 * Goal: the leader knows when what a config refers to has changed, and only then. Method: a provider whose value changes, and fails.
 */
import { expect, test } from 'vitest'
import { AppliedConfigs } from '../../../connect/runtime/applied-configs.ts'
import { ConfigTransformer } from '../../../core/config-references/config-transformer.ts'
import { realClock } from '../../../core/system/clock.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'

test('new values are those since the last call', async () => {
  let value: string | null = 'one'
  const provider = {
    async get() {
      if (value === null) throw new Error('no file')
      return new Map([['a', value]])
    },
  }
  const lines: LogLine[] = []
  const applied = new AppliedConfigs(new ConfigTransformer(new Map([['p', provider]]), realClock), keepingLogger(lines))
  const ask = (config: Record<string, string> = { a: '${p:a}' }) => applied.hasNewValues('c', config)
  expect([await ask(), await ask()]).toEqual([false, false])
  value = 'two'
  expect([await ask(), await ask()]).toEqual([true, false])
  value = null
  expect(await ask()).toBe(false)
  expect(lines.map(({ message }) => message)).toEqual(['the references of a connector cannot be resolved on the leader'])
  value = 'three'
  expect([await ask(), await ask({ a: 'two' }), await ask()]).toEqual([true, false, false])
  value = 'four'
  applied.forget('c')
  expect(await ask()).toBe(false)
})
