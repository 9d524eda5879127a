/**
 * Goal: a folder of connector files is compared with a worker setting by setting, and no secret is shown. Method: configs by hand.
 */
import { expect, test } from 'vitest'
import { folderDiff } from '../../../connect/offline/folder-diff.ts'

const folder = new Map<string, Record<string, string>>([
  ['same', { name: 'same', a: '1' }],
  ['new', { name: 'new', a: '1', password: 'geheim' }],
  ['changed', { name: 'changed', a: '2', b: '3', password: 'neu' }],
])
const worker = new Map<string, Record<string, string>>([
  ['same', { name: 'same', a: '1' }],
  ['changed', { name: 'changed', a: '1', c: '4', password: 'alt' }],
  ['extra', { name: 'extra' }],
])
const isSecret = (_config: object, setting: string) => setting === 'password'

test('tells what is created, updated and not changed, with each setting', () => {
  expect(folderDiff(folder, worker, { prune: false, isSecret })).toEqual([
    {
      name: 'changed',
      change: 'update',
      settings: [
        { setting: 'a', from: '1', to: '2' },
        { setting: 'b', from: null, to: '3' },
        { setting: 'c', from: '4', to: null },
        { setting: 'password', from: '[hidden]', to: '[hidden]' },
      ],
    },
    {
      name: 'new',
      change: 'create',
      settings: [
        { setting: 'a', from: null, to: '1' },
        { setting: 'name', from: null, to: 'new' },
        { setting: 'password', from: null, to: '[hidden]' },
      ],
    },
    { name: 'same', change: 'none', settings: [] },
  ])
})

test('only with prune are connectors deleted that the folder has not', () => {
  const pruned = folderDiff(folder, worker, { prune: true, isSecret })
  expect(pruned.filter(({ change }) => change === 'delete')).toEqual([{ name: 'extra', change: 'delete', settings: [] }])
})
