/** What can be told of connectors without a worker that runs them. */
export { type ContractResult, checkContract } from './contract-check.ts'
export { type DryRunOptions, dryRun, NoDryRun } from './dry-run.ts'
export { type ConnectorChange, folderDiff, type SettingChange } from './folder-diff.ts'
export { type LintProblem, lint } from './lint.ts'
export { isSecretSetting, type OfflineWorker, openOfflineWorker } from './offline-worker.ts'
export { openRehearsal, RehearsalEnded, type Rehearsed } from './rehearsal.ts'
export { readConnectRecord, readKafkaRecord, type ShownRecord, stringify } from './shown-record.ts'
export { InvalidTestFile, readTestCases, runTestCase, type TestResult } from './test-cases.ts'
