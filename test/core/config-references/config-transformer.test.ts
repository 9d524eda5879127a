/**
 * Goal: a config is resolved as Kafka's ConfigTransformer does, each path is read once, and what one config may cost is bounded. Method:
 * providers that count what they are asked, and hang or grow on demand.
 */
import { expect, test } from 'vitest'
import { type ConfigProvider, ConfigProviderError } from '../../../core/config-references/config-provider.ts'
import { ConfigTransformer, referringNames, withReferences } from '../../../core/config-references/config-transformer.ts'
import { type Clock, realClock } from '../../../core/system/clock.ts'

function transformerOf(values: Readonly<Record<string, string>>, clock: Clock = realClock) {
  const asked: string[] = []
  const provider: ConfigProvider = {
    async get(path, keys) {
      asked.push(`${path} ${[...keys]}`)
      if (path === 'broken') throw new ConfigProviderError('broken')
      if (path === 'hanging') await new Promise(() => {})
      return new Map([...keys].flatMap((key) => (Object.hasOwn(values, key) ? [[key, values[key]!] as const] : [])))
    },
  }
  return { transformer: new ConfigTransformer(new Map([['p', provider]]), clock), asked }
}

test('references are replaced, several in a value; what is unknown stays', async () => {
  const { transformer, asked } = transformerOf({ a: 'A', b: '${p:a}' })
  const config = { one: 'x${p:f:a}-${p:f:b}', two: '${p:f:c}${q:f:a}', three: '${p:a}', four: 'plain' }
  const resolved = await transformer.transform(config)
  expect(resolved.config).toEqual({ one: 'xA-${p:a}', two: '${p:f:c}${q:f:a}', three: 'A', four: 'plain' })
  expect(asked).toEqual(['f a,b,c', ' a'])
  expect(resolved.hasSecrets).toBe(true)
  expect(resolved.redact('an A')).toBe('an ${p:a}')
  expect((await transformer.transform({ two: config.two })).hasSecrets).toBe(false)
})

test('what is stored of a task has the references of its connector', () => {
  const written = { password: '${p:f:a}', url: 'x${q:b}', name: 'n', only: '${p:c}' }
  expect(referringNames(written)).toEqual(['password', 'url', 'only'])
  expect(withReferences({ password: 'A', url: 'changed', name: 'n', task: '1' }, written)).toEqual({
    password: '${p:f:a}',
    url: 'x${q:b}',
    name: 'n',
    task: '1',
  })
})

test('an error of a provider, too many paths and too long values are errors without secrets', async () => {
  const { transformer, asked } = transformerOf({ a: 'secret'.repeat(100_000) })
  await expect(transformer.transform({ a: '${p:broken:a}' })).rejects.toThrow('broken')
  const many = Array.from({ length: 1_001 }, (_, n) => `\${p:${n}:a}`).join('')
  await expect(transformer.transform({ many })).rejects.toThrow('must not refer to more than 1000 files and folders')
  expect(asked).toEqual(['broken a'])
  await expect(transformer.transform({ long: '${p:a}'.repeat(10) })).rejects.toThrow(/^The references of a config must not stand for/)
})

test('a provider that does not answer is given up', async () => {
  const clock: Clock = { ...realClock, sleep: async () => {} }
  const { transformer } = transformerOf({}, clock)
  await expect(transformer.transform({ a: '${p:hanging:a}' })).rejects.toThrow('were not resolved within 10000 ms')
})
