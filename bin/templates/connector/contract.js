/** For the checks of the contract: how to fill the system that the source reads, and how to read the one that the sink writes. By class. */
import { sinkFixture } from './fixtures/sink-fixture.js' // #sink
import { sourceFixture } from './fixtures/source-fixture.js' // #source

export default {
  'org.example.MyPluginSourceConnector': sourceFixture, // #source
  'org.example.MyPluginSinkConnector': sinkFixture, // #sink
}
