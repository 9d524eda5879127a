/**
 * Goal: the style test sees the comments of a file and nothing else. Method: short sources with comments in every place, and with texts
 * that only look like one.
 */
import { describe, expect, test } from 'vitest'
import { commentsOf, headerOf, needsCapital } from './comments.ts'

const textsOf = (source: string) => commentsOf(source).map(({ text }) => text)

describe('comments', () => {
  test('are found on a line of their own, after code, and in blocks', () => {
    const source = [
      '/**',
      ' * First line.',
      ' * Second line.',
      ' */',
      '// Alone, over',
      '// two lines.',
      'const a = 1 // after code',
      '/** In one line. */',
      'const b = 2',
      '/* Without a star. */',
    ].join('\n')
    expect(textsOf(source)).toEqual(['First line.', 'Alone, over', 'after code', 'In one line.', 'Without a star.'])
    expect(commentsOf(source).map(({ line }) => line)).toEqual([2, 5, 7, 8, 10])
  })

  test.each(["const url = 'http://a // b'", 'const url = "a // b"', 'const url = `a // b`', 'const half = 4 / 2 / 1'])(
    '%s has none',
    (source) => {
      expect(textsOf(source)).toEqual([])
    },
  )

  test('after a string with the marks of a comment are found', () => {
    expect(textsOf("const url = 'http://a // b' // the address")).toEqual(['the address'])
  })
})

test.each([
  ['the offset is known', true],
  ['is never called', true],
  ['The offset is known', false],
  ['`acks` is 1', false],
  ['-1 is unknown', false],
  ['fetchOffset is known', false],
  ['acks=all waits', false],
  ['host:port', false],
  ['ms since the epoch', false],
  ['a record is read', true],
  ['x to the power of 8', false],
  ["snappy-java's block size", false],
  ['librdkafka sends it twice', false],
  ['biome-ignore format: a table', false],
])('%s: needs a capital letter: %s', (comment, expected) => {
  expect(needsCapital(comment)).toBe(expected)
})

test('the header is the comment that opens the file', () => {
  expect(headerOf('#!/usr/bin/env node\n/**\n * One.\n *\n * | a | table |\n *\n * Two.\n */\ncode()')).toEqual(['One.', 'Two.'])
  expect(headerOf('/** One. */\n')).toEqual(['One.'])
  expect(headerOf('code()\n/** Later. */')).toBeNull()
})
