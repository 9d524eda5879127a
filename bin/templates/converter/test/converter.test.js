/** What is special about this converter: its bytes, which programs of others read. */
import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings } from 'tributary/connect/sdk'
import converter from '../index.js'

const make = (config) => converter.create(parseSettings(converter.settings, config), false)

test('a text is the digits of its bytes', () => {
  deepEqual(make({}).fromConnect('t', null, 'hü').toString(), '68c3bc')
  deepEqual(make({ digits: 'base64' }).toConnect('t', Buffer.from('aMO8')).value, 'hü')
})

test('a number is refused', () => throws(() => make({}).fromConnect('t', null, 5), { name: 'DataException' }))
