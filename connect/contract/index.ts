/** What tests of connectors and other plugins use: the contract that each keeps, and what stands in for the runtime. */
export { type Checks, ContractBroken, type FailedCheck, failuresOf, runCheck } from './checks.ts'
export { type SinkSubject, type SourceSubject, sinkChecks, sourceChecks } from './connector-checks.ts'
export { type ConverterSubject, converterChecks } from './converter-checks.ts'
export { type Declared, declarationChecks } from './declaration-checks.ts'
export { type LogLine, type SinkFixture, type SourceFixture, StoredPositions, sinkRecord, taskContext } from './fixture.ts'
export {
  type ContractFailure,
  type ContractFixture,
  type ContractFixtures,
  type ConverterFixture,
  contractFailures,
  contractReport,
  type PluginReport,
  type PredicateFixture,
} from './plugin-contract.ts'
export { type PredicateSubject, predicateChecks } from './predicate-checks.ts'
export { recordMismatch, sampleRecords, tombstone } from './sample-records.ts'
export { settled } from './settled.ts'
export { type TransformFixture, type TransformSubject, transformChecks } from './transform-checks.ts'
