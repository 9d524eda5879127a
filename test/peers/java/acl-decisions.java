// Asks Kafka's StandardAuthorizer for test/peers/acls.test.ts. A line of JSON on standard input is a case: super.users, whether everyone is
// allowed without ACLs, the ACLs by the codes of their records, questions about resources and about types of resources. The answer is a line of
// JSON: the line of the audit log for each question, and whether each type is allowed.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.internals.PluginMetricsImpl;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.utils.SecurityUtils;
import org.apache.kafka.metadata.authorizer.StandardAcl;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.server.authorizer.Action;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.authorizer.AuthorizationResult;

class AclDecisions {
    record Client(KafkaPrincipal principal, InetAddress clientAddress) implements AuthorizableRequestContext {
        public String listenerName() { return "SASL"; }
        public SecurityProtocol securityProtocol() { return SecurityProtocol.SASL_PLAINTEXT; }
        public int requestType() { return ApiKeys.FETCH.id; }
        public int requestVersion() { return 12; }
        public String clientId() { return "client"; }
        public int correlationId() { return 1; }
    }

    static Client client(JsonNode question) throws Exception {
        KafkaPrincipal principal = SecurityUtils.parseKafkaPrincipal(question.get("principal").asText());
        return new Client(principal, InetAddress.getByName(question.get("host").asText()));
    }

    // The rule is private to the authorizer, which only logs it.
    static String auditLine(StandardAuthorizer authorizer, Client client, Action action) throws Exception {
        Field field = StandardAuthorizer.class.getDeclaredField("data");
        field.setAccessible(true);
        Object data = field.get(authorizer);
        Object rule;
        Field users = data.getClass().getDeclaredField("superUsers");
        users.setAccessible(true);
        if (((Set<?>) users.get(data)).contains(client.principal().toString())) {
            Class<?> superUser = Class.forName("org.apache.kafka.metadata.authorizer.StandardAuthorizerData$SuperUserRule");
            Field instance = superUser.getDeclaredField("INSTANCE");
            instance.setAccessible(true);
            rule = instance.get(null);
        } else {
            Method find = data.getClass().getDeclaredMethod("findAclRule", Set.class, String.class, Action.class);
            find.setAccessible(true);
            Set<KafkaPrincipal> principals = Set.copyOf(List.of(client.principal(), new KafkaPrincipal("User", "*")));
            rule = find.invoke(data, principals, client.clientAddress().getHostAddress(), action);
        }
        for (Method method : data.getClass().getDeclaredMethods()) {
            if (!method.getName().equals("buildAuditMessage")) continue;
            method.setAccessible(true);
            return (String) method.invoke(data, client.principal(), client, action, rule);
        }
        throw new IllegalStateException("there is no buildAuditMessage");
    }

    static Map<String, Object> answer(JsonNode given) throws Exception {
        Map<Uuid, StandardAcl> acls = new LinkedHashMap<>();
        for (JsonNode acl : given.get("acls"))
            acls.put(Uuid.randomUuid(), new StandardAcl(
                ResourceType.fromCode((byte) acl.get("resourceType").asInt()),
                acl.get("resourceName").asText(),
                PatternType.fromCode((byte) acl.get("patternType").asInt()),
                acl.get("principal").asText(),
                acl.get("host").asText(),
                AclOperation.fromCode((byte) acl.get("operation").asInt()),
                AclPermissionType.fromCode((byte) acl.get("permissionType").asInt())));
        try (StandardAuthorizer authorizer = new StandardAuthorizer()) {
            authorizer.configure(Map.of(
                "node.id", "1",
                "super.users", given.get("superUsers").asText(),
                "allow.everyone.if.no.acl.found", given.get("allowEveryone").asText()));
            authorizer.withPluginMetrics(new PluginMetricsImpl(new Metrics(), Map.of()));
            authorizer.loadSnapshot(acls);
            authorizer.completeInitialLoad();
            List<String> lines = new ArrayList<>();
            for (JsonNode question : given.get("questions")) {
                Action action = new Action(
                    AclOperation.fromCode((byte) question.get("operation").asInt()),
                    new ResourcePattern(
                        ResourceType.fromCode((byte) question.get("resourceType").asInt()),
                        question.get("resourceName").asText(),
                        PatternType.LITERAL),
                    1, true, true);
                String line = auditLine(authorizer, client(question), action);
                boolean isAllowed = authorizer.authorize(client(question), List.of(action)).get(0) == AuthorizationResult.ALLOWED;
                if (isAllowed != line.contains(" is Allowed ")) throw new IllegalStateException("the audit log lies: " + line);
                lines.add(line);
            }
            List<Boolean> types = new ArrayList<>();
            for (JsonNode question : given.get("types"))
                types.add(authorizer.authorizeByResourceType(
                    client(question),
                    AclOperation.fromCode((byte) question.get("operation").asInt()),
                    ResourceType.fromCode((byte) question.get("resourceType").asInt())) == AuthorizationResult.ALLOWED);
            return Map.of("lines", lines, "types", types);
        }
    }

    public static void main(String[] none) throws Exception {
        ObjectMapper json = new ObjectMapper();
        BufferedReader cases = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = cases.readLine(); line != null; line = cases.readLine()) {
            System.out.println(json.writeValueAsString(answer(json.readTree(line))));
            System.out.flush();
        }
    }
}
