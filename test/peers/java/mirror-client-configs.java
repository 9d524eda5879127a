// What MirrorMaker 2 gives to the clients of the flow us->central, for each mm2.properties that is named: one line for each setting of each
// client, "file side kind name=value". The producer of records is that of the Connect worker, with the overrides of the connector.
import java.io.FileInputStream;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.connect.mirror.MirrorConnectorConfig;
import org.apache.kafka.connect.mirror.MirrorMakerConfig;
import org.apache.kafka.connect.mirror.MirrorSourceConfig;
import org.apache.kafka.connect.mirror.MirrorSourceConnector;
import org.apache.kafka.connect.mirror.SourceAndTarget;

class MirrorClientConfigs {
    static void print(String file, String side, String kind, Map<String, ?> settings) {
        new TreeMap<>(settings).forEach((name, value) -> System.out.println(file + " " + side + " " + kind + " " + name + "=" + value));
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> clientConfig(MirrorSourceConfig config, String method) throws Exception {
        Method found = MirrorConnectorConfig.class.getDeclaredMethod(method, String.class);
        found.setAccessible(true);
        return (Map<String, Object>) found.invoke(config, "role");
    }

    static Map<String, String> under(String prefix, Map<String, String> settings) {
        Map<String, String> found = new HashMap<>();
        settings.forEach((name, value) -> {
            if (name.startsWith(prefix)) found.put(name.substring(prefix.length()), value);
        });
        return found;
    }

    public static void main(String[] files) throws Exception {
        SourceAndTarget flow = new SourceAndTarget("us", "central");
        for (String file : files) {
            Properties properties = new Properties();
            try (FileInputStream in = new FileInputStream(file)) {
                properties.load(in);
            }
            Map<String, String> raw = new HashMap<>();
            properties.forEach((name, value) -> raw.put((String) name, (String) value));
            MirrorMakerConfig config = new MirrorMakerConfig(raw);
            Map<String, String> connector = config.connectorBaseConfig(flow, MirrorSourceConnector.class);
            MirrorSourceConfig source = new MirrorSourceConfig(connector);
            print(file, "source", "consumer", clientConfig(source, "sourceConsumerConfig"));
            print(file, "source", "producer", clientConfig(source, "sourceProducerConfig"));
            print(file, "source", "admin", clientConfig(source, "sourceAdminConfig"));
            print(file, "target", "consumer", clientConfig(source, "targetConsumerConfig"));
            print(file, "target", "producer", clientConfig(source, "targetProducerConfig"));
            print(file, "target", "admin", clientConfig(source, "targetAdminConfig"));
            Map<String, String> records = under("producer.", config.workerConfig(flow));
            records.putAll(under("producer.override.", connector));
            print(file, "target", "records", records);
        }
    }
}
