// Reads JAAS configurations as Kafka and Java do. One per line of the standard input: "config BASE64" is a value of sasl.jaas.config, "file
// BASE64" a JAAS file of which the entry KafkaServer is read. For each, one line: "error", or "ok" and the modules: the class, the flag and the
// sorted options, each in base64.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.URIParameter;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.Configuration;

import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;

class JaasReader {
    static String encoded(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    static List<AppConfigurationEntry> entriesOf(String kind, String text) throws Exception {
        if (kind.equals("config")) return JaasContext.loadClientContext(Map.of("sasl.jaas.config", new Password(text))).configurationEntries();
        Path file = Files.createTempFile("jaas", ".conf");
        try {
            Files.writeString(file, text);
            Configuration configuration = Configuration.getInstance("JavaLoginConfig", new URIParameter(file.toUri()));
            return Arrays.asList(configuration.getAppConfigurationEntry("KafkaServer"));
        } finally {
            Files.delete(file);
        }
    }

    public static void main(String[] args) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] parts = line.split(" ");
            StringBuilder output = new StringBuilder("ok");
            try {
                String text = new String(Base64.getDecoder().decode(parts.length > 1 ? parts[1] : ""), StandardCharsets.UTF_8);
                for (AppConfigurationEntry entry : entriesOf(parts[0], text)) {
                    output.append(' ').append(encoded(entry.getLoginModuleName()));
                    output.append(' ').append(encoded(entry.getControlFlag().toString().replaceAll(".* ", "")));
                    for (Map.Entry<String, ?> option : new TreeMap<String, Object>(entry.getOptions()).entrySet())
                        output.append(' ').append(encoded(option.getKey() + "=" + option.getValue()));
                }
            } catch (Exception e) {
                output = new StringBuilder("error");
            }
            System.out.println(output);
        }
    }
}
