/**
 * Goal: `connectors diff` shows no secret of a worker, also where the file has a reference in its place, and where the secret is the login
 * in a URL or a header that is no password by its name. Method: the diff with the worker's plugins.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { folderDiff } from '../../connect/offline/folder-diff.ts'
import { isSecretSetting, type OfflineWorker } from '../../connect/offline/offline-worker.ts'
import { offlineWorker } from '../connect/offline/offline-fixture.ts'

let worker: OfflineWorker
beforeAll(async () => {
  worker = await offlineWorker()
})
afterAll(() => worker.close())

const settingsOf = (running: Record<string, string>, file: Record<string, string>) => {
  const isSecret = (config: Record<string, string>, setting: string) => isSecretSetting(worker, config, setting)
  const [change] = folderDiff(new Map([['a', file]]), new Map([['a', running]]), { prune: false, isSecret })
  return change!.settings
}
const AUTH = 'value.converter.basic.auth.user.info'
const URLS = 'value.converter.schema.registry.url'

test('a reference in place of a secret', () => {
  expect(settingsOf({ [AUTH]: 'ann:s3cret' }, { [AUTH]: `\${file:/a:b}` })).toEqual([
    { setting: AUTH, from: '[hidden]', to: `\${file:/a:b}` },
  ])
})

test.each([
  [URLS, 'http://ann:s3cret@a:8081', 'http://ann:s3cre1@a:8081'],
  ['value.converter.request.header.Authorization', 'Bearer s3cret', 'Bearer s3cre1'],
  ['header.x-api-key', 's3cret', 's3cre1'],
])('%s', (setting, from, to) => {
  expect(settingsOf({ [setting]: from }, { [setting]: to })).toEqual([{ setting, from: '[hidden]', to: '[hidden]' }])
})

test('what is no secret is shown', () => {
  expect(settingsOf({ [URLS]: 'http://a:8081' }, { [URLS]: 'http://b:8081' })).toEqual([
    { setting: URLS, from: 'http://a:8081', to: 'http://b:8081' },
  ])
})
