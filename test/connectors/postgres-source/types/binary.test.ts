/**
 * Goal: bit strings and bytes are those of the column. Method: random bit strings, taken for binary numbers.
 */
import { expect, test } from 'vitest'
import { bitsType, byteaType } from '../../../../connectors/postgres-source/types/binary.ts'
import type { TypeSettings } from '../../../../connectors/postgres-source/types/column-type.ts'
import { randomFrom } from '../../../random.ts'

test('bits are in little-endian order, without zero bytes at the end', () => {
  const random = randomFrom(5)
  const { decode, schema } = bitsType(-1)
  expect(schema.parameters).toEqual({ length: '2147483647' })
  for (let length = 0; length < 200; length++) {
    const text = Array.from({ length }, () => (random() < 0.4 ? '1' : '0')).join('')
    const bytes = decode(text) as Buffer
    const number = text === '' ? 0n : BigInt(`0b${text}`)
    expect(bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)).toBe(number)
    expect(bytes.at(-1)).not.toBe(0)
  }
})

test.each(['bytes', 'base64', 'base64-url-safe', 'hex'] as const)('bytea as %s', (binaries) => {
  const { decode, unavailable } = byteaType({ binaries, placeholder: '?', placeholderBytes: Buffer.from('?') } as TypeSettings)
  const bytes = Buffer.from([0xfb, 0xef, 0xbe, 0xff])
  const expected = { bytes, base64: '++++/w==', 'base64-url-safe': '----_w==', hex: 'fbefbeff' }[binaries]
  expect(decode('\\xfbefbeff')).toEqual(expected)
  expect(unavailable).toEqual(binaries === 'bytes' ? Buffer.from('?') : '?')
  expect(() => decode('\\000a')).toThrow('bytea_output')
})
