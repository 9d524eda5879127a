/** The plugins keep the contract of their kinds: the same checks as `tributary connectors check`. */
import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { contractFailures } from 'tributary/connect/contract'
import fixtures from '../contract.js'
import plugins from '../index.js'

test('the contract is kept', async () => deepEqual(await contractFailures(plugins, fixtures), []))
