/**
 * Goal: numbers are narrowed, rounded and parsed as in Java, and no text makes it do much work. Method: values at the ends of the ranges.
 */
import { expect, test } from 'vitest'
import { cutOff, lowBits, nearestFloat, parseDouble, parseWhole, wholePartOf } from '../../../../connect/transforms/data/java-numbers.ts'

test('whole numbers', () => {
  expect([lowBits(128, 8), lowBits(-32769, 16), lowBits(2 ** 31, 32), lowBits(2n ** 63n, 64), lowBits(2n ** 64n + 5n, 64)]).toEqual([
    -128,
    32767,
    -(2 ** 31),
    -(2n ** 63n),
    5,
  ])
  expect([cutOff(-0.5, 32), cutOff(1e300, 64), cutOff(1e300, 8), cutOff(2 ** 60, 64)]).toEqual([0, 2n ** 63n - 1n, -1, 2n ** 60n])
})

test('the nearest float32 of a long is rounded once', () => {
  // Halfway between two floats but for its last bit, which a double lacks.
  expect(nearestFloat(2n ** 60n + 2n ** 36n + 1n)).toBe(2 ** 60 + 2 ** 37)
  expect(nearestFloat(16_777_217)).toBe(16_777_216)
})

test('the whole part of a decimal', () => {
  expect(['1.9', '-1.9', '.5', '1e3', '12345e-3', '1e99999999', '1e-99999999', '18446744073709551617'].map(wholePartOf)).toEqual([
    1n,
    -1n,
    0n,
    1000n,
    12n,
    0n,
    0n,
    1n,
  ])
  expect(['', '.', 'x', ' 1', '1e', '1_0'].map(wholePartOf)).toEqual(Array(6).fill(undefined))
})

test('texts', () => {
  expect(['+127', '-128', '128', '', ' 1', '1.0', '00000000000000000000001'].map((text) => parseWhole(text, 8))).toEqual([
    127,
    -128,
    undefined,
    undefined,
    undefined,
    undefined,
    1,
  ])
  expect(parseWhole('9'.repeat(100_000), 64)).toBeUndefined()
  expect([' 1.5 ', '1f', '5.', '.5', '-Infinity', '0x1p3', '0x.8p1', '1e400'].map(parseDouble)).toEqual([
    1.5,
    1,
    5,
    0.5,
    -Infinity,
    8,
    1,
    Infinity,
  ])
  expect(['', '.', 'e5', 'infinity', '0x1', '1_0'].map(parseDouble)).toEqual(Array(6).fill(undefined))
  expect(parseDouble('NaN')).toBeNaN()
})
