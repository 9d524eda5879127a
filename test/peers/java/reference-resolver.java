// Resolves references as Kafka does. The argument is a folder; its subfolder "in" is what limited providers may read. One value per line of the
// standard input, in base64. For each, one line: "ok BASE64" with the value that Kafka's ConfigTransformer gives, or "error".
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;

import org.apache.kafka.common.config.ConfigTransformer;
import org.apache.kafka.common.config.provider.ConfigProvider;
import org.apache.kafka.common.config.provider.DirectoryConfigProvider;
import org.apache.kafka.common.config.provider.EnvVarConfigProvider;
import org.apache.kafka.common.config.provider.FileConfigProvider;

class ReferenceResolver {
    static ConfigProvider configured(ConfigProvider provider, Map<String, String> params) {
        provider.configure(params);
        return provider;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> environment = Map.of("SECRET", "of the environment", "OTHER", "other");
        Map<String, String> limit = Map.of("allowed.paths", args[0] + "/in");
        Map<String, ConfigProvider> providers = new HashMap<>();
        providers.put("file", configured(new FileConfigProvider(), Map.of()));
        providers.put("lfile", configured(new FileConfigProvider(), limit));
        providers.put("dir", configured(new DirectoryConfigProvider(), Map.of()));
        providers.put("ldir", configured(new DirectoryConfigProvider(), limit));
        providers.put("env", configured(new EnvVarConfigProvider(environment), Map.of()));
        providers.put("lenv", configured(new EnvVarConfigProvider(environment), Map.of("allowlist.pattern", "S.*")));
        ConfigTransformer transformer = new ConfigTransformer(providers);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        StringBuilder output = new StringBuilder();
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            try {
                String value = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
                String resolved = transformer.transform(Map.of("value", value)).data().get("value");
                output.append("ok ").append(Base64.getEncoder().encodeToString(resolved.getBytes(StandardCharsets.UTF_8))).append('\n');
            } catch (RuntimeException error) {
                output.append("error\n");
            }
        }
        System.out.print(output);
    }
}
