/** What is special about this transform: it counts characters, not the units of UTF-16. */
import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings, sourceRecord } from 'tributary/connect/sdk'
import transform from '../index.js'

const make = (config) => transform.create(parseSettings(transform.settings, config))
const of = (value) => sourceRecord({ topic: 't', value })

test('a character is never cut in two', () => {
  deepEqual(make({ 'max.length': '2' })(of('a🙂b')).value, 'a🙂')
  deepEqual(make({ field: 'name', 'max.length': '1' })(of({ name: '🙂b', id: 1 })).value, { name: '🙂', id: 1 })
})

test('a value without fields is refused', () => throws(() => make({ field: 'name' })(of(5)), { name: 'DataException' }))
