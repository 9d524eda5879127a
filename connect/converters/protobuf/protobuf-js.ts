/** The library that parses the texts of schemas, and has those that Protobuf itself defines. */
import { lazyLibrary } from '../../../core/system/lazy-library.ts'

export const protobufJs = lazyLibrary<typeof import('protobufjs')>('protobufjs')
