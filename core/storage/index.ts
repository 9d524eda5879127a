/**
 * What `tributary storage` needs; a broker does not load it.
 */

export { featureDependencies, versionMapping } from '../cluster/feature-levels.ts'
export { type FormatOptions, formatStorage } from './format.ts'
export { storageInfo } from './log-directories.ts'
