/**
 * Goal: settings whose names have a part that users choose are found, checked and shown like others; a separator that is white space stays.
 * Method: declarations, read from configs as the runtime reads them.
 */
import { expect, test } from 'vitest'
import { parseSettings, rawValue, setting } from '../../../connect/sdk/index.ts'

const settings = {
  'cut.to.(length)': setting.named({
    doc: 'The columns to cut off',
    names: /^cut\.to\.(\d+)$/,
    check: (text, name) => (text === '' ? `${name} names no columns` : undefined),
  }),
  plain: setting.string({ doc: 'Another', default: 'x' }),
}
const declared = settings['cut.to.(length)']

test('all names that match are one value', () => {
  const config = { 'cut.to.5': 'a,b', 'cut.to.12': 'c', 'cut.to.x': 'd', plain: 'y' }
  expect(parseSettings(settings, config)).toEqual({ 'cut.to.(length)': { 'cut.to.5': 'a,b', 'cut.to.12': 'c' }, plain: 'y' })
  expect(rawValue('cut.to.(length)', declared, config)).toBe('{"cut.to.5":"a,b","cut.to.12":"c"}')
})

test('without one the value is empty, and nothing is required', () => {
  expect(parseSettings(settings, {})).toEqual({ 'cut.to.(length)': {}, plain: 'x' })
  expect(rawValue('cut.to.(length)', declared, { plain: 'y' })).toBe(null)
  expect(declared).toMatchObject({ required: false, default: null })
})

test('an error names the setting as the user wrote it', () => {
  expect(() => parseSettings(settings, { 'cut.to.5': 'a', 'cut.to.6': '' })).toThrow(
    'Invalid value  for configuration cut.to.6: cut.to.6 names no columns',
  )
})

test('a text loses the white space at its ends, but for a separator', () => {
  const declarations = {
    name: setting.string({ doc: 'A name' }),
    separator: setting.string({ doc: 'A separator', default: ',', keepsSpace: true }),
  }
  expect(parseSettings(declarations, { name: ' a ', separator: '\n' })).toEqual({ name: 'a', separator: '\n' })
  expect(parseSettings(declarations, { name: 'a', separator: '\t ' })).toEqual({ name: 'a', separator: '\t ' })
})
